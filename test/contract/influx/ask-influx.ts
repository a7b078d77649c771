/** What anybody would see who looks into InfluxDB: the CSV that it answers. @throws what it says instead. */
export async function askInflux(
  { url, org, token }: { readonly url: string; readonly org: string; readonly token: string },
  flux: string,
): Promise<string> {
  const response = await fetch(`${url}/api/v2/query?org=${org}`, {
    method: 'POST',
    headers: { authorization: `Token ${token}`, 'content-type': 'application/vnd.flux' },
    body: flux,
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`InfluxDB answers ${response.status}: ${text}`)
  return text
}

/** C0 and C1 controls, line and paragraph separators, and what turns the direction of writing. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: They are what is looked for.
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g

/** What a gateway sent must not steer the operator's terminal, so control characters are written as escapes. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

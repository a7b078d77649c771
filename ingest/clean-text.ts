/**
 * Whether a client id, topic or filter is text that MQTT allows and people can read: no U+0000 ([MQTT-1.5.3-2]), no surrogates ([MQTT-1.5.3-1]),
 * no control characters and no non-characters (1.5.3, which lets a server close the connection). The parser turns ill-formed UTF-8 into U+FFFD, so that is refused as well.
 */
export function isCleanText(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  return text.isWellFormed() && !/[\u0000-\u001f\u007f-\u009f\ufdd0-\ufdef\ufffd-\uffff]/u.test(text)
}

/**
 * Room `bytes`: octets and the text that is made of them. Ground floor, knows no mail, touches nothing.
 *
 * A *byte string* is a JavaScript string in which every character is one octet (U+0000..U+00FF). Addresses, header
 * fields and peers' words travel as byte strings: they compare, slice and look up like text and lose nothing.
 */

export { type ByteString, displayText, fromBytes, lowerAscii, toBytes, utf8ToByteString } from "./byte-string.ts";
export { BytesReader } from "./bytes-reader.ts";
export { fitsGlob } from "./glob.ts";
export { type Netstring, netstring, readNetstring } from "./netstring.ts";
export { trimBlanksEnd } from "./trim.ts";

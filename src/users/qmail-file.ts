import { type ByteString, lowerAscii } from "#bytes";

/** A name to look for in the user's home, and what DEFAULT would be if it answers: null unless it is a `-default` file. */
export type QmailFile = { readonly file: ByteString; readonly defaultPart: ByteString | null };

/**
 * The instruction files to try, in order (spec 6.2): `.qmail` + dash + ext, then `default` in place of what follows each
 * hyphen, from the right. The file name has ext in lower case with `:` for `.`, so no `..` can come of a peer's address;
 * `defaultPart` keeps ext's own case. At most one name per hyphen and two more; ext is bounded by the address.
 *
 *     qmailFiles("-", "a-B").map((f) => f.file) // [".qmail-a-b", ".qmail-a-default", ".qmail-default"]
 */
export function qmailFiles(dash: ByteString, ext: ByteString): readonly [QmailFile, ...QmailFile[]] {
  const safeExt = lowerAscii(ext).replaceAll(".", ":");
  const files: [QmailFile, ...QmailFile[]] = [{ file: `.qmail${dash}${safeExt}`, defaultPart: null }];
  // The user proper has `.qmail` alone: qmail's look for `.qmaildefault` was an accident of the loop.
  if (dash === "" && ext === "") return files;
  for (let end = ext.length; end >= 0; end--) {
    if (end === 0 || ext[end - 1] === "-")
      files.push({ file: `.qmail${dash}${safeExt.slice(0, end)}default`, defaultPart: ext.slice(end) });
  }
  return files;
}

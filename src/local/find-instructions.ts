import { closeSync, constants, fstatSync, openSync, readFileSync, statSync } from "node:fs";
import { type ByteString, lowerAscii } from "#bytes";
import { diskPath, errorCode, errorText, isPassing } from "#files";
import { type LocalRoute, type Outcome, temporary } from "#mail";
import { qmailFiles } from "#users";
import { forbiddenModes } from "./check-home.ts";

/** What controls a delivery. */
export type FoundInstructions = {
  /** Text of the .qmail file; "" if it is empty or there is none. */
  readonly text: ByteString;
  readonly exists: boolean;
  /** The owner's x bit is set: only forwarding is allowed. */
  readonly forwardOnly: boolean;
  /** DEFAULT: the part of ext that `default` stands for; null if the name of the file does not end in `default`. */
  readonly defaultPart: ByteString | null;
};

const missing: FoundInstructions = { text: "", exists: false, forwardOnly: false, defaultPart: null };
const ownerExecute = 0o100;
// A FIFO of that name must not hold us up; it is no regular file and thereby missing.
const readIfFile = constants.O_RDONLY | constants.O_NONBLOCK;
const defaultWord = "default";

/** Trouble with a file of the user: what may pass, or what forbids us to look, defers; anything else means it is not there. */
export function troubleOpening(file: ByteString, error: unknown): Outcome | null {
  const code = errorCode(error);
  if (!isPassing(error) && code !== "EPERM" && code !== "EACCES") return null;
  return temporary(`Unable to open ${file}: ${errorText(error)}. (#4.3.0)\n`);
}

type Read = { readonly text: ByteString; readonly forwardOnly: boolean } | Outcome | null;

/** A .qmail file; null if there is no regular file of that name. One stat if there is nothing, which is the usual case. */
function readInstructions(home: ByteString, file: ByteString): Read {
  try {
    const path = diskPath(`${home}/${file}`);
    if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) return null;
    const fd = openSync(path, readIfFile);
    try {
      const { mode } = fstatSync(fd);
      if ((mode & forbiddenModes) !== 0) return temporary("Uh-oh: .qmail file is writable. (#4.7.0)\n");
      return { text: readFileSync(fd, "latin1"), forwardOnly: (mode & ownerExecute) !== 0 };
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    return troubleOpening(file, error);
  }
}

/** Looks for the .qmail file of an address (spec 6.2) and reads it. An outcome if there is no telling now. */
export function findInstructions(route: LocalRoute): FoundInstructions | Outcome {
  for (const { file, defaultPart } of qmailFiles(route.dash, route.ext)) {
    const read = readInstructions(route.home, file);
    if (read === null) continue;
    if ("fate" in read) return read;
    return { ...read, exists: true, defaultPart: defaultPart ?? ownDefault(route.ext) };
  }
  return missing;
}

/** `joe-default` names its file itself; DEFAULT is then that last word. */
function ownDefault(ext: ByteString): ByteString | null {
  return lowerAscii(ext).endsWith(defaultWord) ? ext.slice(-defaultWord.length) : null;
}

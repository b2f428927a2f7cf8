import { resolve } from "node:path";
import { type ByteString, lowerAscii, utf8ToByteString } from "#bytes";
import { readListFile, readSetting } from "#control";

/** The control values qmail-inject works with. */
export type InjectControl = {
  readonly defaultDomain: ByteString;
  readonly defaultHost: ByteString;
  readonly plusDomain: ByteString;
  readonly idHost: ByteString;
  /** Mailing lists that want a Mail-Followup-To (QMAILMFTFILE), in lower case. */
  readonly followUpLists: ReadonlySet<ByteString>;
};

/**
 * Reads them: a variable wins over the file, a missing file means `me`, a missing `me` the file's own name (spec 3.1, 7.6).
 * `cwd` is where a relative QMAILMFTFILE is looked for. Throws ControlError for a file that cannot be read.
 */
export function readInjectControl(home: string, env: NodeJS.ProcessEnv, cwd: string): InjectControl {
  const value = (file: "defaultdomain" | "defaulthost" | "plusdomain" | "idhost", variable: string): ByteString => {
    const set = env[variable];
    return set === undefined ? readSetting(home, file) : utf8ToByteString(set);
  };
  const listFile = env.QMAILMFTFILE;
  return {
    defaultDomain: value("defaultdomain", "QMAILDEFAULTDOMAIN"),
    defaultHost: value("defaulthost", "QMAILDEFAULTHOST"),
    plusDomain: value("plusdomain", "QMAILPLUSDOMAIN"),
    idHost: value("idhost", "QMAILIDHOST"),
    followUpLists: new Set(listFile === undefined ? [] : readListFile(resolve(cwd, listFile))?.map(lowerAscii)),
  };
}

import { displayText, lowerAscii } from "#bytes";
import { readSetting } from "#control";
import { openAppPasswords } from "./app-passwords.ts";
import { askProgram } from "./ask-program.ts";
import type { LoginSources } from "./check-login.ts";
import { openPopPasswd } from "./pop-passwd.ts";
import { findSystemAccount, type SystemFiles, systemFiles } from "./system-accounts.ts";

/** What a foreign check program sees of the world. */
function programEnv(home: string): NodeJS.ProcessEnv {
  return { PATH: "/usr/local/bin:/usr/bin:/bin", QUAIL_HOME: home };
}

/** control/authcheckprogram as words, blanks between them; null: no such file. */
function programWords(home: string): readonly [string, ...string[]] | null {
  const [program = "", ...args] = displayText(readSetting(home, "authcheckprogram") ?? "")
    .split(/[ \t]+/)
    .filter((word) => word !== "");
  return program === "" ? null : [program, ...args];
}

/** The sources of a home on this machine: its control files, and the system's accounts. Everything is read anew as it changes. */
export function openLoginSources(home: string, files: SystemFiles = systemFiles): LoginSources {
  return {
    popEntry: openPopPasswd(home),
    appPasswords: openAppPasswords(home),
    systemAccount: (name) => findSystemAccount(name, Date.now(), files),
    program: () => {
      const words = programWords(home);
      return words === null ? null : (given) => askProgram(words, given, programEnv(home));
    },
    defaultDomain: () => readSetting(home, "me"),
    isLocalDomain: (domain) => (readSetting(home, "locals") ?? []).some((entry) => lowerAscii(entry) === domain),
  };
}

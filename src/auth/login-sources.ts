import { lowerAscii } from "#bytes";
import { readSetting } from "#control";
import type { LoginSources } from "./check-login.ts";
import { openPopPasswd } from "./pop-passwd.ts";
import { findSystemAccount, type SystemFiles, systemFiles } from "./system-accounts.ts";

/** The sources of a home on this machine: its control files, and the system's accounts. Everything is read anew as it changes. */
export function openLoginSources(home: string, files: SystemFiles = systemFiles): LoginSources {
  return {
    popEntry: openPopPasswd(home),
    systemAccount: (name) => findSystemAccount(name, Date.now(), files),
    defaultDomain: () => readSetting(home, "me"),
    isLocalDomain: (domain) => (readSetting(home, "locals") ?? []).some((entry) => lowerAscii(entry) === domain),
  };
}

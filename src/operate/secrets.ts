import { statSync } from "node:fs";
import { join } from "node:path";
import type { ByteString } from "#bytes";
import { ControlError, type Problem, readEntries } from "#control";
import { isSecret } from "./change-setting.ts";
import type { Setting } from "./settings.ts";

/** Files of routes: a relay may be followed by the login it wants to hear (spec 11.3). */
const routeFiles = ["smtproutes", "qmtproutes"] as const;
const isRoutes = (name: string): boolean => routeFiles.some((one) => one === name);

const hidden = "(secret)";

/** `far.test:relay.test:26 user password` as `far.test:relay.test:26 (secret)`; a route without a login as it is. */
export function withoutLogin(route: ByteString): ByteString {
  const blank = route.search(/[ \t]/);
  return blank < 0 || route.slice(blank).trim() === "" ? route : `${route.slice(0, blank)} ${hidden}`;
}

/** A setting for screens and reports: what is nobody's business is left out. */
export function withoutSecrets(setting: Setting): Setting {
  const { name, value } = setting;
  if (value === null) return setting;
  if (isSecret(name)) return { ...setting, value: hidden };
  return isRoutes(name) && Array.isArray(value) ? { ...setting, value: value.map(withoutLogin) } : setting;
}

/** Anybody but the owner and the group. */
const others = 0o007;

/** Passwords that every user of this machine may read. */
export function checkSecrets(home: string, secrets: readonly string[]): readonly Problem[] {
  const found: Problem[] = [];
  const warn = (name: string, line: number | null, what: string): void => {
    found.push({
      file: `control/${name}`,
      line,
      level: "warning",
      reason: `${what}, and every user of this machine may read the file`,
    });
  };
  for (const name of secrets) if (isOpen(home, name)) warn(name, null, "is a secret");
  for (const name of routeFiles) {
    if (!isOpen(home, name)) continue;
    const line = firstLogin(home, name);
    if (line !== null) warn(name, line, "has a password in it");
  }
  return found;
}

function isOpen(home: string, name: string): boolean {
  const stat = statSync(join(home, "control", name), { throwIfNoEntry: false });
  return stat !== undefined && (stat.mode & others) !== 0;
}

function firstLogin(home: string, name: string): number | null {
  try {
    return (readEntries(home, name) ?? []).find(({ text }) => withoutLogin(text) !== text)?.line ?? null;
  } catch (error) {
    if (error instanceof ControlError) return null; // Told by others.
    throw error;
  }
}

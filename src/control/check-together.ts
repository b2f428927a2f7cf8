import { statSync } from "node:fs";
import { join } from "node:path";
import { type ByteString, lowerAscii } from "#bytes";
import { about, type Problem } from "./check-text.ts";
import { type ControlEntry, readEntries } from "./read.ts";
import { readSetting } from "./setting.ts";

/** A list that may be unreadable: its own check has said so then. */
function entriesOf(home: string, name: string): readonly ControlEntry[] | null {
  try {
    return readEntries(home, name);
  } catch {
    return null;
  }
}

const keyOf = (entry: ControlEntry): ByteString => lowerAscii(entry.text.split(":")[0] ?? "");

/** A domain's entries in rcpthosts that would take it: itself, and its parents with a dot in front. */
function isListed(domain: ByteString, hosts: ReadonlySet<ByteString>): boolean {
  for (let dot = 0; dot >= 0; dot = domain.indexOf(".", dot + 1)) if (hosts.has(domain.slice(dot))) return true;
  return false;
}

/** What readable files say against each other (spec 5.2, 10.2). */
export function checkTogether(home: string): readonly Problem[] {
  const me = lowerAscii(readMe(home) ?? "");
  const locals = entriesOf(home, "locals") ?? [];
  const virtual = (entriesOf(home, "virtualdomains") ?? []).filter(({ text }) => text.includes(":"));
  const localDomains = new Map(locals.map((entry) => [lowerAscii(entry.text), `locals:${entry.line}`]));
  if (localDomains.size === 0 && me !== "" && entriesOf(home, "locals") === null) localDomains.set(me, "me");
  const shadowed = virtual.flatMap((entry) => {
    const where = localDomains.get(keyOf(entry));
    const reason = `never counts: the domain is local (control/${where})`;
    // As in qmail, where such a home runs (G30).
    return where === undefined ? [] : [about("virtualdomains", "warning", reason, entry.line)];
  });
  return [...shadowed, ...checkRelaying(home, localDomains, virtual)];
}

function readMe(home: string): ByteString | null {
  try {
    return readSetting(home, "me");
  } catch {
    return null; // Said by the check of control/me itself.
  }
}

function openRelay(home: string): boolean {
  try {
    return readSetting(home, "openrelay");
  } catch {
    return false; // As above.
  }
}

/** Who may send through here, and what is received at all. */
function checkRelaying(
  home: string,
  localDomains: ReadonlyMap<ByteString, string>,
  virtual: readonly ControlEntry[],
): readonly Problem[] {
  const listed = entriesOf(home, "rcpthosts");
  const more = entriesOf(home, "morercpthosts");
  if (listed === null) {
    const missing = openRelay(home)
      ? about("rcpthosts", "warning", "is missing and openrelay is on: this host relays for everyone")
      : about("rcpthosts", "error", "is missing, so SMTP does not start (list the domains you receive mail for)");
    return more === null ? [missing] : [missing, about("morercpthosts", "warning", "has no effect without rcpthosts")];
  }
  const hosts = new Set([...listed, ...(more ?? [])].map((entry) => lowerAscii(entry.text)));
  // What is no domain has been found by the file's own check.
  const unlisted = (domain: ByteString): boolean => /^[^.\s]\S*$/.test(domain) && !isListed(domain, hosts);
  const refused = "is not in rcpthosts: mail for it from outside is refused";
  return [
    ...[...localDomains].flatMap(([domain, where]) => {
      const [file = "", line] = where.split(":");
      return unlisted(domain) ? [about(file, "warning", `${domain} ${refused}`, line ? Number(line) : null)] : [];
    }),
    ...virtual.flatMap((entry) => {
      const key = keyOf(entry);
      const domain = key.slice(key.lastIndexOf("@") + 1);
      const isException = entry.text.endsWith(":");
      return !isException && unlisted(domain)
        ? [about("virtualdomains", "warning", `${domain} ${refused}`, entry.line)]
        : [];
    }),
    ...(entriesOf(home, "percenthack") ?? [])
      .filter((entry) => isListed(lowerAscii(entry.text), hosts))
      .map((entry) =>
        about("percenthack", "warning", "is in rcpthosts too: anyone may relay by user%host", entry.line),
      ),
    ...checkCdb(home, more !== null),
  ];
}

function checkCdb(home: string, more: boolean): readonly Problem[] {
  const stat = (name: string) => statSync(join(home, "control", name), { throwIfNoEntry: false });
  const cdb = stat("morercpthosts.cdb");
  if (!more)
    return cdb === undefined ? [] : [about("morercpthosts.cdb", "warning", "exists, but morercpthosts does not")];
  if (cdb === undefined) return [about("morercpthosts", "warning", "has no effect before qmail-newmrh is run")];
  const older = (stat("morercpthosts")?.mtimeMs ?? 0) > cdb.mtimeMs;
  return older ? [about("morercpthosts.cdb", "warning", "is older than morercpthosts: run qmail-newmrh")] : [];
}

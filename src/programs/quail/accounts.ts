/** The accounts and their groups, as `quail start` looks for them (start/roles.ts): one for each role, so that none can be another. */
const accounts = [
  ["alias", "nofiles", "/alias"],
  ["qmaild", "nofiles", ""],
  ["qmailf", "nofiles", ""],
  ["qmailk", "nofiles", ""],
  ["qmaill", "nofiles", ""],
  ["qmailq", "qmail", ""],
  ["qmailr", "qmail", ""],
] as const;

/** Shell commands that make them, for a home; what is there already is left. Printed, not done: accounts are the admin's. */
export function accountCommands(home: string): readonly string[] {
  const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
  const groups = [...new Set(accounts.map(([, group]) => group))];
  return [
    ...groups.map((group) => `getent group ${group} >/dev/null || groupadd --system ${group}`),
    ...accounts.map(
      ([name, group, folder]) =>
        `getent passwd ${name} >/dev/null || useradd --system --no-create-home --gid ${group} --home-dir ${quoted(home + folder)} --shell /bin/false ${name}`,
    ),
  ];
}

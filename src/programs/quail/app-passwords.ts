import { join } from "node:path";
import type { Writable } from "node:stream";
import { isAppName, newAppPassword, parseAppPasswords, renderAppPassword, withoutAppPassword } from "#auth";
import { type ByteString, displayText, lowerAscii } from "#bytes";
import { readSecretFile, writeSecretFile } from "./secret-file.ts";

/** What is to be done with a user's app passwords. */
export type AppTask =
  | { readonly kind: "make" | "revoke"; readonly app: ByteString }
  | { readonly kind: "list"; readonly json: boolean };

const refused = 1;

/** Does it, for the login as it stands in the password file; the exit code. A new password is printed once, and kept nowhere. */
export async function keepAppPasswords(
  home: string,
  login: ByteString,
  task: AppTask,
  { stdout, stderr }: { readonly stdout: Writable; readonly stderr: Writable },
): Promise<number> {
  const path = join(home, "control", "apppasswd");
  const text = readSecretFile(path);
  const known = parseAppPasswords(text).get(lowerAscii(login)) ?? [];
  const complain = (reason: string): number => {
    stderr.write(`quail passwd: ${reason}\n`);
    return refused;
  };
  if (task.kind === "list") {
    const rows = known.map(({ name, made }) => ({ name: displayText(name), made }));
    stdout.write(task.json ? `${JSON.stringify(rows)}\n` : rows.map(({ name, made }) => `${made}  ${name}\n`).join(""));
    return 0;
  }
  const { app } = task;
  if (task.kind === "revoke") {
    const left = withoutAppPassword(text, login, app);
    if (left === null) return complain(`${displayText(login)} has no app password called ${displayText(app)}`);
    await writeSecretFile(home, path, left);
    return 0;
  }
  if (!isAppName(app)) return complain(`${JSON.stringify(displayText(app))} is no name for an app password`);
  if (known.some(({ name }) => name === app)) {
    return complain(`${displayText(login)} has an app password called ${displayText(app)} already; --revoke it first`);
  }
  const secret = newAppPassword();
  const day = new Date().toISOString().slice(0, 10);
  await writeSecretFile(home, path, `${text}${renderAppPassword(login, app, secret, day)}\n`);
  stdout.write(`${secret}\n`);
  return 0;
}

/** Debian's Dovecot (POP3), from its unpacked packages: one user with a password, no TLS, as shipped otherwise. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { greets } from "../tools/load.ts";
import { freePort, waitUntil } from "../tools/processes.ts";
import { mailUser, startHoused } from "./private-root.ts";
import { untilReady } from "./server.ts";
import { unpack } from "./unpack.ts";

/** A POP3 server with one mailbox. */
export type Pop3Server = {
  readonly pid: number;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** Its Maildir (to be filled before the first login), and who must own what is in it. */
  readonly maildir: string;
  readonly uid: number;
  stop(): Promise<void>;
};

const password = "bench";

function dovecotConf(port: number): string {
  return `protocols = pop3
base_dir = /run/dovecot
log_path = /run/dovecot.log
ssl = no
disable_plaintext_auth = no
mail_location = maildir:~/Maildir
first_valid_uid = 500
passdb {
  driver = static
  args = password=${password}
}
userdb {
  driver = passwd
}
service pop3-login {
  inet_listener pop3 {
    address = 127.0.0.1
    port = ${port}
  }
  inet_listener pop3s {
    port = 0
  }
}
`;
}

const ids = { dovecot: 64_904, dovenull: 64_905 } as const;

/** A contender of the POP3 case. */
export type Pop3Contender = { readonly version: string; readonly start: (folder: string) => Promise<Pop3Server> };

/** Dovecot, or why it cannot take part. */
export function findDovecot(): Pop3Contender | string {
  const unpacked = unpack("dovecot-pop3d");
  if (typeof unpacked === "string") return unpacked;
  const start = async (folder: string): Promise<Pop3Server> => {
    const port = await freePort();
    const nowhere = "/nonexistent";
    const housed = startHoused(
      unpacked,
      { folder, relays: {}, wrapper: [] },
      {
        etc: { "dovecot/dovecot.conf": dovecotConf(port) },
        users: { dovecot: { id: ids.dovecot, home: nowhere }, dovenull: { id: ids.dovenull, home: nowhere } },
        folders: { "lib/dovecot": { owner: 0, mode: 0o755 } },
      },
      ["/usr/sbin/dovecot", "-F", "-c", "/etc/dovecot/dovecot.conf"],
    );
    const isReady = (): Promise<boolean> => {
      housed.refuseEnded();
      return greets(port, "+OK");
    };
    const ready = (): Promise<void> => waitUntil("Dovecot answers", isReady, { withinMs: 15_000, everyMs: 50 });
    await untilReady(ready, housed.stop, () => readFileSync(housed.log, "utf8"));
    const maildir = join(housed.mailFolder, "Maildir");
    return { pid: housed.pid, port, user: mailUser.name, password, maildir, uid: mailUser.uid, stop: housed.stop };
  };
  return { version: unpacked.version, start };
}

/**
 * For tests: builds a classic queue as qmail lays it on the disk (spec 4.1, 4.2), any state of any message, split by any
 * number, todo flat or split (big-todo).
 */
import { linkSync, mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";

type Layout = { readonly split?: number; readonly bigTodo?: boolean };

/** What a preprocessed message has beside its body; `T...` and `D...` records by channel. */
type Preprocessed = {
  readonly sender: string;
  readonly local?: readonly string[];
  readonly remote?: readonly string[];
  readonly bounce?: string;
  /** Unix seconds. */
  readonly born: number;
  readonly due?: number;
};

export type ClassicBuilder = {
  readonly queue: string;
  /** S2: a body, nothing else. */
  body(id: number, text: string): string;
  /** S4. */
  todo(id: number, text: string, sender: string, recipients: readonly string[], born: number): void;
  /** S5. */
  preprocessed(id: number, text: string, facts: Preprocessed): void;
  /** Any file: `info` of message 7. */
  file(folder: string, id: number, content: string, seconds?: number): string;
};

/** Makes an empty classic queue in `queue`, and ways to fill it. */
export function buildClassicQueue(queue: string, { split = 23, bigTodo = false }: Layout = {}): ClassicBuilder {
  for (const folder of ["pid", "intd", "todo", "bounce", "lock"]) mkdirSync(join(queue, folder), { recursive: true });
  for (const folder of ["mess", "info", "local", "remote", ...(bigTodo ? ["intd", "todo"] : [])]) {
    for (let part = 0; part < split; part++) mkdirSync(join(queue, folder, String(part)), { recursive: true });
  }
  writeFileSync(join(queue, "lock", "sendmutex"), "");
  writeFileSync(join(queue, "lock", "tcpto"), Buffer.alloc(1024));
  const flat = new Set(["bounce", ...(bigTodo ? [] : ["intd", "todo"])]);
  const pathOf = (folder: string, id: number): string =>
    flat.has(folder) ? join(queue, folder, String(id)) : join(queue, folder, String(id % split), String(id));
  const file: ClassicBuilder["file"] = (folder, id, content, seconds) => {
    const path = pathOf(folder, id);
    writeFileSync(path, content, "latin1");
    if (seconds !== undefined) utimesSync(path, seconds, seconds);
    return path;
  };
  const body: ClassicBuilder["body"] = (id, text) => file("mess", id, text);
  const records = (texts: readonly string[]): string => texts.map((text) => `${text}\0`).join("");
  return {
    queue,
    file,
    body,
    todo(id, text, sender, recipients, born) {
      body(id, text);
      const envelope = records(["u1000", "p4711", `F${sender}`, ...recipients.map((to) => `T${to}`)]);
      const path = file("intd", id, envelope, born);
      linkSync(path, pathOf("todo", id));
    },
    preprocessed(id, text, { sender, local, remote, bounce, born, due = born }) {
      body(id, text);
      file("info", id, `F${sender}\0`, born);
      if (local !== undefined) file("local", id, records(local), due);
      if (remote !== undefined) file("remote", id, records(remote), due);
      if (bounce !== undefined) file("bounce", id, bounce);
    },
  };
}

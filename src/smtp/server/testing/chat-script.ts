/**
 * The language of `.chat` files: a conversation anyone can read, played against a real server session. One step a line; `#`
 * begins a comment line, blank lines are skipped.
 *
 *     CONTROL name value     a control file (before the first S or C line); \n in the value is a line end
 *     ENV NAME=value         a variable of the session's surroundings;  ROLE submission
 *     ACCOUNT login password                somebody who can log in; `later` cannot be checked, `guessed` was tried too often
 *     MAILBOX address yes|no|defer        what the recipient check answers (yes for all others);  CHECK off
 *     QUEUE temporary|permanent text      what the queue answers from here on (`QUEUE done` again after it)
 *     C: text                the client sends this line and CRLF
 *     C> text                the client sends these bytes as they are: \r \n \0 \\ \xNN
 *     REPEAT n text          the client sends this line and CRLF n times
 *     S: text                the server's next line is exactly this;   S~ regex   or matches this
 *     HALF-CLOSE             the client ends its side;  CLOSED   the server has closed, and says no more
 *     QUEUED from to...      the next queued message has this envelope (`<>` for the null path)
 *     BODY text              and these bytes behind our Received line (escapes as in C>);  BODY~ regex   or matches this
 *     TRACE regex            its Received line matches this
 *     NOTHING-QUEUED         no message is in the queue but those already checked
 *     LOGGED regex           some log line so far matches this
 */
export type Step =
  | { readonly kind: "send"; readonly bytes: Buffer }
  | { readonly kind: "expect"; readonly line: string }
  | { readonly kind: "match"; readonly pattern: RegExp }
  | { readonly kind: "queue"; readonly fate: "done" | "temporary" | "permanent"; readonly text: string }
  | { readonly kind: "queued"; readonly from: string; readonly to: readonly string[] }
  | { readonly kind: "body"; readonly bytes: string }
  | { readonly kind: "body-match" | "trace" | "logged"; readonly pattern: RegExp }
  | { readonly kind: "half-close" | "closed" | "nothing-queued" };

/** A conversation and the house it takes place in. */
export type ChatScript = {
  /** Who can log in, with which password. */
  readonly accounts: ReadonlyMap<string, string>;
  readonly controls: ReadonlyMap<string, string>;
  readonly surroundings: ReadonlyMap<string, string>;
  readonly mailboxes: ReadonlyMap<string, "yes" | "no" | "defer">;
  readonly checks: boolean;
  readonly role: "smtp" | "submission";
  readonly steps: readonly (Step & { readonly at: number })[];
};

const escapes: ReadonlyMap<string, string> = new Map([
  ["r", "\r"],
  ["n", "\n"],
  ["0", "\0"],
  ["\\", "\\"],
]);

function unescaped(text: string): string {
  return text.replace(/\\(?:x([0-9a-f]{2})|(.))/gi, (all, hex: string | undefined, letter: string | undefined) =>
    hex === undefined ? (escapes.get(letter ?? "") ?? all) : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

const path = (word: string): string => (word === "<>" ? "" : unescaped(word));

function parseStep(word: string, rest: string): Step | null {
  switch (word) {
    case "C:":
      return { kind: "send", bytes: Buffer.from(`${rest}\r\n`, "latin1") };
    case "C>":
      return { kind: "send", bytes: Buffer.from(unescaped(rest), "latin1") };
    case "REPEAT": {
      const [count = "", ...words] = rest.split(" ");
      return { kind: "send", bytes: Buffer.from(`${words.join(" ")}\r\n`.repeat(Number(count)), "latin1") };
    }
    case "S:":
      return { kind: "expect", line: rest };
    case "S~":
      return { kind: "match", pattern: new RegExp(`^${rest}$`, "s") };
    case "QUEUE": {
      const [, fate = "", text = ""] = /^(done|temporary|permanent) ?(.*)$/.exec(rest) ?? [];
      return { kind: "queue", fate: fate as "done" | "temporary" | "permanent", text };
    }
    case "QUEUED": {
      const [from = "", ...to] = rest.split(" ").map(path);
      return { kind: "queued", from, to };
    }
    case "BODY":
      return { kind: "body", bytes: unescaped(rest) };
    case "BODY~":
      return { kind: "body-match", pattern: new RegExp(rest, "s") };
    case "TRACE":
      return { kind: "trace", pattern: new RegExp(`^${rest}$`, "s") };
    case "LOGGED":
      return { kind: "logged", pattern: new RegExp(rest) };
    case "HALF-CLOSE":
      return { kind: "half-close" };
    case "CLOSED":
      return { kind: "closed" };
    case "NOTHING-QUEUED":
      return { kind: "nothing-queued" };
    default:
      return null;
  }
}

/** Reads a `.chat` file. Throws with its line for what is not in the language. */
export function parseChat(text: string): ChatScript {
  const controls = new Map([
    ["me", "mx.test"],
    ["rcpthosts", "heaven.test"],
  ]);
  const surroundings = new Map([
    ["TCPREMOTEIP", "192.0.2.1"],
    ["TCPLOCALHOST", "mx.test"],
  ]);
  const mailboxes = new Map<string, "yes" | "no" | "defer">();
  const accounts = new Map<string, string>();
  const steps: (Step & { readonly at: number })[] = [];
  let role: ChatScript["role"] = "smtp";
  let checks = true;
  for (const [index, line] of text.split("\n").entries()) {
    if (/^\s*(?:#|$)/.test(line)) continue;
    const [, word = "", rest = ""] = /^(\S+) ?(.*)$/s.exec(line) ?? [];
    const [name = "", value = ""] = rest.split(/ (.*)/s);
    if (word === "CONTROL") controls.set(name, unescaped(value));
    else if (word === "ENV") surroundings.set(...(rest.split(/=(.*)/s).slice(0, 2) as [string, string]));
    else if (word === "ACCOUNT") accounts.set(name, value);
    else if (word === "MAILBOX") mailboxes.set(name, value as "yes" | "no" | "defer");
    else if (word === "ROLE") role = rest as ChatScript["role"];
    else if (word === "CHECK") checks = rest !== "off";
    else {
      const step = parseStep(word, rest);
      if (step === null) throw new Error(`line ${index + 1} is no step of a conversation: ${line}`);
      steps.push({ ...step, at: index + 1 });
    }
  }
  return { controls, surroundings, mailboxes, accounts, checks, role, steps };
}

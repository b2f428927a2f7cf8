import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { ByteString } from "#bytes";
import { ControlError, type ControlFile, catalogue, readLines, readText, readValue } from "#control";
import { isSecret } from "./change-setting.ts";
import { withoutLogin } from "./secrets.ts";

/** How one file of spec 3.6 is told: a sentence around its value, or a sentence for each line. */
type Sentence =
  | {
      readonly kind: "value";
      readonly before: string;
      readonly after: string;
      readonly fallback: string;
      readonly me: boolean;
    }
  | { readonly kind: "list"; readonly before: string; readonly after: string; readonly none: string };

const text = (before: string, fallback: string, me = false): Sentence => ({
  kind: "value",
  before,
  after: "",
  fallback,
  me,
});
const count = (before: string, fallback: string, after = ""): Sentence => ({
  kind: "value",
  before,
  after,
  fallback,
  me: false,
});
const lines = (none: string, before: string, after: string): Sentence => ({ kind: "list", before, after, none });

const recipients = ["SMTP clients may send messages to recipients at ", "."] as const;

/** The files in qmail-showctl's order, up to rcpthosts, and behind morercpthosts.cdb. */
const first: readonly (readonly [name: string, sentence: Sentence])[] = [
  ["badmailfrom", lines("Any MAIL FROM is allowed.", "", " not accepted in MAIL FROM.")],
  ["bouncefrom", text("Bounce user name is ", "MAILER-DAEMON")],
  ["bouncehost", text("Bounce host name is ", "bouncehost", true)],
  ["concurrencylocal", count("Local concurrency is ", "10")],
  ["concurrencyremote", count("Remote concurrency is ", "20")],
  ["databytes", count("SMTP DATA limit is ", "0", " bytes")],
  ["defaultdomain", text("Default domain name is ", "defaultdomain", true)],
  ["defaulthost", text("Default host name is ", "defaulthost", true)],
  ["doublebouncehost", text("2B recipient host: ", "doublebouncehost", true)],
  ["doublebounceto", text("2B recipient user: ", "postmaster")],
  ["envnoathost", text("Presumed domain name is ", "envnoathost", true)],
  ["helohost", text("SMTP client HELO host name is ", "helohost", true)],
  ["idhost", text("Message-ID host name is ", "idhost", true)],
  ["localiphost", text("Local IP address becomes ", "localiphost", true)],
  ["locals", lines("Messages for me are delivered locally.", "Messages for ", " are delivered locally.")],
  ["me", text("My name is ", "undefined! Uh-oh")],
  ["percenthack", lines("The percent hack is not allowed.", "The percent hack is allowed for user%host@", ".")],
  ["plusdomain", text("Plus domain name is ", "plusdomain", true)],
  ["qmqpservers", lines("No QMQP servers.", "QMQP server: ", ".")],
  ["queuelifetime", count("Message lifetime in the queue is ", "604800", " seconds")],
  ["rcpthosts", lines("SMTP clients may send messages to any recipient.", ...recipients)],
];
const last: typeof first = [
  ["smtpgreeting", text("SMTP greeting: 220 ", "smtpgreeting", true)],
  ["smtproutes", lines("No artificial SMTP routes.", "SMTP route: ", "")],
  ["timeoutconnect", count("SMTP client connection timeout is ", "60", " seconds")],
  ["timeoutremote", count("SMTP client data timeout is ", "1200", " seconds")],
  ["timeoutsmtpd", count("SMTP server data timeout is ", "1200", " seconds")],
  ["virtualdomains", lines("No virtual domains.", "Virtual domain: ", "")],
];
/** With rcpthosts, and without. */
const moreSentence = lines("No effect.", ...recipients);
const irrelevantSentence = lines(
  "No rcpthosts; morercpthosts is irrelevant.",
  "No rcpthosts; doesn't matter that morercpthosts has ",
  ".",
);

const trouble = "Oops! Trouble reading this file.\n";

/** What a read gave, or null when the file is there and cannot be read. */
function attempt<T>(read: () => T): { readonly got: T } | null {
  try {
    return { got: read() };
  } catch (error) {
    if (error instanceof ControlError) return null;
    throw error;
  }
}

function tell(home: string, name: string, sentence: Sentence, me: ByteString | null): ByteString {
  if (sentence.kind === "list") {
    const entries = attempt(() => readLines(home, name));
    if (entries === null) return trouble;
    if (entries.got === null) return `(Default.) ${sentence.none}\n`;
    const shown = name === "smtproutes" ? entries.got.map(withoutLogin) : entries.got;
    return `\n${shown.map((entry) => `${sentence.before}${entry}${sentence.after}\n`).join("")}`;
  }
  const value = attempt(() => readValue(home, name));
  if (value === null) return trouble;
  const shown = value.got ?? (sentence.me ? me : null) ?? sentence.fallback;
  return `${value.got === null ? "(Default.) " : ""}${sentence.before}${shown}${sentence.after}.\n`;
}

function tellCdb(home: string): string {
  const modified = (name: string): number | undefined =>
    statSync(join(home, "control", name), { throwIfNoEntry: false })?.mtimeMs;
  const source = modified("morercpthosts");
  const cdb = modified("morercpthosts.cdb");
  if (source === undefined && cdb === undefined) return "(Default.) No effect.\n";
  if (source === undefined) return "Oops! morercpthosts.cdb exists but morercpthosts doesn't.\n";
  if (cdb === undefined) return "Oops! morercpthosts exists but morercpthosts.cdb doesn't.\n";
  return source > cdb
    ? "Oops! morercpthosts.cdb is older than morercpthosts.\n"
    : "Modified recently enough; hopefully up to date.\n";
}

/** The eight accounts in the order of conf-users, and the two groups (spec 1.2). */
const roles = ["alias", "qmaild", "qmaill", "root", "qmailp", "qmailq", "qmailr", "qmails"] as const;
const groups = ["nofiles", "qmail"] as const;

/** Numbers of names in a passwd(5) or group(5) file; a name that is not there is served by the owner of the home. */
function numbersOf(path: string, names: readonly string[], owner: number): string {
  const ids = new Map(
    (existsSync(path) ? readFileSync(path, "latin1") : "")
      .split("\n")
      .map((line) => line.split(":"))
      .map(([name = "", , id = ""]) => [name, id] as const),
  );
  return names.map((name) => ids.get(name) ?? String(owner)).join(", ");
}

/** Our own files beyond qmail's, by their catalogue entry; strangers as qmail says it. */
function tellOther(home: string, name: string, file: ControlFile | undefined): ByteString {
  if (file === undefined) return "I have no idea what this file does.\n";
  if (file.usedBy.length === 0)
    return `Known${file.since === "patch" ? " from a patch" : ""}, but nothing here reads it.\n`;
  if (file.kind === "list" || file.kind === "map" || file.kind === "text" || file.kind === "binary") {
    return attempt(() => readText(home, name)) === null ? trouble : `${file.meaning}\n`;
  }
  const value = attempt(() => readValue(home, name));
  if (value !== null && isSecret(name)) return `Set, and secret. ${file.meaning}\n`;
  return value === null ? trouble : `Set to ${value.got ?? ""}. ${file.meaning}\n`;
}

/**
 * What qmail-showctl prints (spec 3.6): every setting in a sentence, `(Default.)` where there is no file, and every other file in
 * control/ by name. Throws ControlError if control/me cannot be read, and what the system says if control/ cannot.
 */
export function showControls(home: string): ByteString {
  const me = readValue(home, "me");
  const owner = statSync(home);
  const told = (name: string, sentence: Sentence): ByteString => `\n${name}: ${tell(home, name, sentence, me)}`;
  const hasRcpthosts = (attempt(() => readLines(home, "rcpthosts"))?.got ?? null) !== null;
  const known = new Set([...first, ...last].map(([name]) => name).concat("morercpthosts", "morercpthosts.cdb"));
  const others = readdirSync(join(home, "control"), { encoding: "latin1" })
    .filter((name) => !known.has(name))
    .sort();
  return [
    `qmail home directory: ${home}.\n`,
    "user-ext delimiter: -.\n",
    "paternalism (in decimal): 2.\n",
    "silent concurrency limit: 120.\n",
    "subdirectory split: 23.\n",
    `user ids: ${numbersOf("/etc/passwd", roles, owner.uid)}.\n`,
    `group ids: ${numbersOf("/etc/group", groups, owner.gid)}.\n`,
    ...first.map(([name, sentence]) => told(name, sentence)),
    told("morercpthosts", hasRcpthosts ? moreSentence : irrelevantSentence),
    `\nmorercpthosts.cdb: ${tellCdb(home)}`,
    ...last.map(([name, sentence]) => told(name, sentence)),
    ...others.map((name) => `\n${name}: ${tellOther(home, name, catalogue.get(name))}`),
  ].join("");
}

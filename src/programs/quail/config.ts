import { text as readAll } from "node:stream/consumers";
import { toBytes, utf8ToByteString } from "#bytes";
import { ControlError, type ControlFile, catalogue, findHome } from "#control";
import {
  changeSetting,
  checkHouse,
  problemLine,
  reloadAdvice,
  type Setting,
  settingOf,
  settingsList,
  unsetSetting,
  withoutSecrets,
} from "#operate";
import { type Program, type ProgramCall, UsageError } from "#process";

const usage = `usage: quail config list [--json]
       quail config get NAME [--json]
       quail config set NAME VALUE... [--force]    (a list takes several; - reads standard input)
       quail config unset NAME
       quail config explain NAME [--json]
       quail config check [--json]`;

type Words = { readonly names: readonly string[]; readonly options: ReadonlySet<string> };
type Verb = (call: ProgramCall, home: string, words: Words) => Promise<number> | number;

/** A catalogue entry; wrong names are usage. */
function entry(name: string | undefined): { readonly name: string; readonly file: ControlFile } {
  const file = name === undefined ? undefined : catalogue.get(name);
  if (name === undefined) throw new UsageError(usage);
  if (file === undefined)
    throw new UsageError(`quail config: there is no control file "${name}"; see quail config list`);
  return { name, file };
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/** A value on one line: entries with commas. */
function inline({ value, from }: Setting): string {
  if (from === "unreadable") return "(unreadable)";
  if (value === null) return "(none)";
  if (Array.isArray(value)) return value.join(", ");
  return String(value).trimEnd().replaceAll("\n", ", ");
}

/** A value as its file holds it. */
function lines({ value }: Setting): string {
  if (value === null) return "";
  const text = Array.isArray(value) ? value.join("\n") : String(value);
  return text === "" || text.endsWith("\n") ? text : `${text}\n`;
}

// A listing goes to screens and into reports; `get` is for who wants just this one.

const list: Verb = ({ stdout }, home, { options }) => {
  const settings = settingsList(home).map(withoutSecrets);
  if (options.has("--json")) stdout.write(json(settings));
  else {
    const shown = settings.filter(({ usedBy, from }) => usedBy.length > 0 || from !== "default");
    const width = Math.max(...shown.map(({ name }) => name.length));
    for (const setting of shown) {
      const origin = setting.from === "file" ? "" : `  (${setting.from})`;
      stdout.write(`${setting.name.padEnd(width)}  ${inline(setting)}${origin}\n`);
    }
  }
  return 0;
};

const get: Verb = ({ stdout, stderr }, home, { names, options }) => {
  const { name, file } = entry(names[0]);
  const setting = settingOf(home, name, file);
  if (options.has("--json")) stdout.write(json(setting));
  else stdout.write(lines(setting));
  if (setting.from !== "unreadable") return setting.value === null ? 1 : 0;
  stderr.write(`quail config: unable to read control/${name}\n`);
  return 111;
};

const explain: Verb = ({ stdout }, home, { names, options }) => {
  const { name, file } = entry(names[0]);
  const setting = withoutSecrets(settingOf(home, name, file));
  if (options.has("--json")) {
    stdout.write(json({ ...setting, example: file.example, change: reloadAdvice(file) }));
    return 0;
  }
  const fallback = file.fallback;
  const missing =
    typeof fallback === "object" && fallback !== null
      ? `control/me, ${fallback.me.replaceAll("-", " ")}`
      : fallback === null
        ? "nothing"
        : String(fallback);
  stdout.write(`control/${name} (${file.kind}, from ${file.since})
  ${file.meaning}
  now:       ${inline(setting)}${setting.from === "file" ? "" : `  (${setting.from})`}
  missing:   means ${missing}
  read by:   ${file.usedBy.join(", ") || `nothing here: ${file.unread}`}
  a change:  ${reloadAdvice(file)}
  example:   ${file.example}
`);
  return 0;
};

/** The new content: standard input as it is, or a line for each word. */
async function contentFrom(call: ProgramCall, file: ControlFile, values: readonly string[]): Promise<string> {
  if (values.length === 1 && values[0] === "-") return utf8ToByteString(await readAll(call.stdin));
  const many = file.kind === "list" || file.kind === "map" || file.kind === "text";
  if (!many && values.length !== 1) throw new UsageError(usage);
  return values.map((value) => `${utf8ToByteString(value)}\n`).join("");
}

const set: Verb = async (call, home, { names: [first, ...values], options }) => {
  const { name, file } = entry(first);
  if (file.kind === "binary") throw new UsageError(`quail config: control/${name} is made by a program, not by hand`);
  const content = await contentFrom(call, file, values);
  const { written, problems } = await changeSetting(home, { name, file, content, force: options.has("--force") });
  call.stderr.write(toBytes(problems.map(problemLine).join("")));
  if (!written) {
    call.stderr.write(`quail config: control/${name} is unchanged (--force writes it all the same)\n`);
    return 100;
  }
  call.stdout.write(`control/${name} written. ${reloadAdvice(file)}\n`);
  return 0;
};

const unset: Verb = async ({ stdout }, home, { names }) => {
  const { name, file } = entry(names[0]);
  const removed = await unsetSetting(home, name);
  stdout.write(removed ? `control/${name} removed. ${reloadAdvice(file)}\n` : `control/${name} was not there.\n`);
  return removed ? 0 : 1;
};

const check: Verb = async ({ stdout }, home, { options }) => {
  const problems = await checkHouse(home);
  const errors = problems.filter(({ level }) => level === "error").length;
  if (options.has("--json")) stdout.write(json(problems));
  else {
    stdout.write(toBytes(problems.map(problemLine).join("")));
    stdout.write(`${home}: ${errors} errors, ${problems.length - errors} warnings\n`);
  }
  return errors === 0 ? 0 : 1;
};

const verbs: ReadonlyMap<string, Verb> = new Map([
  ["list", list],
  ["get", get],
  ["set", set],
  ["unset", unset],
  ["explain", explain],
  ["check", check],
]);

const knownOptions = new Set(["--json", "--force"]);

/** `quail config ...`: look at, check and change the control files. Exit codes: 0 well, 1 no value or errors found, 100 refused, 111 trouble. */
export const main: Program = async (call) => {
  const [word = "list", ...rest] = call.args;
  const verb = verbs.get(word);
  if (verb === undefined) throw new UsageError(usage);
  // A value may begin with two hyphens too; only what we know is an option.
  const options = new Set(rest.filter((each) => knownOptions.has(each)));
  const names = rest.filter((each) => !knownOptions.has(each));
  try {
    return await verb(call, findHome(call.env), { names, options });
  } catch (error) {
    if (!(error instanceof ControlError)) throw error;
    call.stderr.write(`quail config: fatal: ${error.message}\n`);
    return 111;
  }
};

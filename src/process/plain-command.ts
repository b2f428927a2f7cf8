const blank = /[ \t]/;
/** Outside quotes each of these (or a word beginning so) asks for something only a shell does. */
const shellOnly = /[|&;<>()*?[\]{}~`\n\r^!]/;
const variable = /\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)\})/y;
/** A variable outside quotes is split and globbed by a shell when its value holds one of these. */
const needsSplitting = /[ \t\n*?[\\]/;
const assignment = /^[A-Za-z_][A-Za-z0-9_]*=/;

type Expansion = { readonly value: string; readonly end: number };

/** The `$NAME` or `${NAME}` at `at`; null for anything else that begins with `$`. */
function expansionAt(line: string, at: number, env: NodeJS.ProcessEnv): Expansion | null {
  variable.lastIndex = at;
  const match = variable.exec(line);
  if (match === null) return null;
  const name = (match[1] ?? match[2])!;
  return { value: Object.hasOwn(env, name) ? (env[name] ?? "") : "", end: variable.lastIndex };
}

/** What stands between double quotes from `at` (after the opening one); null if it needs a shell or never ends. */
function doubleQuoted(line: string, at: number, env: NodeJS.ProcessEnv): Expansion | null {
  let value = "";
  for (let i = at; i < line.length; ) {
    const c = line[i]!;
    if (c === '"') return { value, end: i + 1 };
    if (c === "`") return null;
    if (c === "$") {
      const expansion = expansionAt(line, i, env);
      if (expansion === null) return null;
      value += expansion.value;
      i = expansion.end;
    } else if (c === "\\" && /[$`"\\\n]/.test(line[i + 1] ?? "")) {
      if (line[i + 1] !== "\n") value += line[i + 1];
      i += 2;
    } else {
      value += c;
      i++;
    }
  }
  return null;
}

/**
 * The words of a command line that `/bin/sh -c` would run as one simple command: plain words, both kinds of quotes,
 * backslashes, `$NAME` and `${NAME}`. Null when the line needs a real shell (pipes, redirections, globs, `;`, `~`,
 * assignments, comments, any other expansion), or is empty. A leading `exec` is dropped: it changes nothing for a function.
 *
 *     parsePlainCommand('forward "$EXT@example.org"', { EXT: "joe" })   // ["forward", "joe@example.org"]
 *     parsePlainCommand("grep x | forward me", {})                      // null
 */
export function parsePlainCommand(line: string, env: NodeJS.ProcessEnv): [string, ...string[]] | null {
  const words: string[] = [];
  let word: string | null = null;
  if (line.includes("\0")) return null;
  /** True while nothing of the first word was quoted: then it could be an assignment or a word of the shell. */
  let bare = true;
  for (let i = 0; i < line.length; ) {
    const c = line[i]!;
    if (blank.test(c)) {
      if (word !== null) words.push(word);
      word = null;
      i++;
    } else if (shellOnly.test(c) || (c === "#" && word === null)) {
      return null;
    } else if (c === "=" && words.length === 0 && bare) {
      return null;
    } else if (c === "'") {
      const end = line.indexOf("'", i + 1);
      if (end < 0) return null;
      word = (word ?? "") + line.slice(i + 1, end);
      if (words.length === 0) bare = false;
      i = end + 1;
    } else if (c === '"') {
      const quoted = doubleQuoted(line, i + 1, env);
      if (quoted === null) return null;
      word = (word ?? "") + quoted.value;
      if (words.length === 0) bare = false;
      i = quoted.end;
    } else if (c === "\\") {
      const next = line[i + 1];
      if (next === undefined || next === "\n") return null;
      word = (word ?? "") + next;
      if (words.length === 0) bare = false;
      i += 2;
    } else if (c === "$") {
      const expansion = expansionAt(line, i, env);
      if (expansion === null || needsSplitting.test(expansion.value)) return null;
      // An empty value outside quotes makes no word of its own.
      if (expansion.value !== "") word = (word ?? "") + expansion.value;
      i = expansion.end;
    } else {
      word = (word ?? "") + c;
      i++;
    }
  }
  if (word !== null) words.push(word);
  if (words[0] === "exec" && bare) words.shift();
  const [first, ...rest] = words;
  return first === undefined || first === "" || assignment.test(first) ? null : [first, ...rest];
}

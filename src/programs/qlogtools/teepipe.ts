import { PassThrough } from "node:stream";
import { errorText } from "#files";
import { type Program, UsageError, writeAll } from "#process";

const trouble = 111;
/** A program that a signal killed is 128 and its number. */
const crashed = 128;

/**
 * `teepipe PROGRAM [ARG ...]`: copies stdin to the program's stdin and to stdout; what the program prints goes to stderr. Exit code:
 * the program's; 111 when it crashed, or when one side took no more.
 */
export const main: Program = async ({ args, stdin, stdout, stderr, exec }) => {
  const [program, ...rest] = args;
  if (program === undefined) throw new UsageError("teepipe: usage: teepipe program [args ...]");
  const toProgram = new PassThrough();
  toProgram.on("error", () => {}); // Told by the write.
  const ended = exec([program, ...rest], { stdin: toProgram, stdout: stderr });
  const give = async (text: string): Promise<number> => {
    stderr.write(`teepipe: fatal: ${text}\n`);
    toProgram.end();
    await ended;
    return trouble;
  };
  for await (const chunk of stdin) {
    const taken = await Promise.race([
      writeAll(toProgram, chunk as Buffer).then(
        () => "taken",
        () => "ended",
      ),
      ended.then(() => "ended"),
    ]);
    if (taken === "ended") return give("Error writing to program: broken pipe");
    try {
      await writeAll(stdout, chunk as Buffer);
    } catch (error) {
      return give(`Error writing to standard out: ${errorText(error)}`);
    }
  }
  toProgram.end();
  const code = await ended;
  return code >= crashed ? give("child crashed") : code;
};

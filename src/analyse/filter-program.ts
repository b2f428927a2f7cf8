import { errorText } from "#files";
import { type ProgramCall, writeAll } from "#process";

/** What a filter makes of its input: text is a byte string. */
export type Filter = {
  /** The next bytes; returns what can be put out now. */
  take(chunk: Buffer): string;
  /** The input is at its end; returns what is left. */
  end?(): Iterable<string>;
};

/** Input or output that failed, as djb's filters tell of it. */
export class StreamTrouble extends Error {}

/** Runs a filter from one stream into the other, no faster than the output is read. Throws `StreamTrouble`. */
export async function pump(
  input: AsyncIterable<unknown>,
  output: ProgramCall["stdout"],
  filter: Filter,
): Promise<void> {
  const put = async (text: string): Promise<void> => {
    if (text === "") return;
    await writeAll(output, Buffer.from(text, "latin1")).catch((error: unknown) => {
      throw new StreamTrouble(`unable to write output: ${errorText(error)}`);
    });
  };
  const chunks = input[Symbol.asyncIterator]();
  for (;;) {
    const next = await chunks.next().catch((error: unknown) => {
      throw new StreamTrouble(`unable to read input: ${errorText(error)}`);
    });
    if (next.done === true) break;
    await put(filter.take(next.value as Buffer));
  }
  for (const text of filter.end?.() ?? []) await put(text);
}

/** A whole filter program, stdin to stdout: exit code 0, or 111 with one line on stderr. */
export async function filterProgram({ name, stdin, stdout, stderr }: ProgramCall, filter: Filter): Promise<number> {
  try {
    await pump(stdin, stdout, filter);
    return 0;
  } catch (error) {
    if (!(error instanceof StreamTrouble)) throw error;
    stderr.write(`${name}: fatal: ${error.message}\n`);
    return 111;
  }
}

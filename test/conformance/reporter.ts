/** A reporter for node:test: one line of JSON per test that ended, for the conformance report. */
import type { TestEvent } from "node:test/reporters";
import type { TestResult } from "./results.ts";

export default async function* reporter(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const { type, data } of source) {
    if (type !== "test:pass" && type !== "test:fail") continue;
    const skipped = data.skip !== undefined || data.todo !== undefined;
    const result: TestResult = {
      name: data.name,
      file: data.file ?? "",
      end: skipped ? "skip" : type === "test:pass" ? "pass" : "fail",
    };
    yield `${JSON.stringify(result)}\n`;
  }
}

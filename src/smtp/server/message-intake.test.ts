import assert from "node:assert/strict";
import { test } from "node:test";
import { type DoorAnswer, MessageIntake } from "./message-intake.ts";

/** A door that writes down what happens to it. */
function recorder() {
  const events: string[] = [];
  const written: Buffer[] = [];
  const post = () => {
    events.push("post");
    return {
      write(bytes: Uint8Array): void {
        events.push(`write ${bytes.length}`);
        written.push(Buffer.from(bytes));
      },
      async finish(): Promise<DoorAnswer> {
        events.push("finish");
        return { fate: "done", text: "", queueId: 7 };
      },
      abort: () => void events.push("abort"),
    };
  };
  return { events, written, post };
}

const trace = Buffer.from("Received: x\n");
const intakeOf = (post: ConstructorParameters<typeof MessageIntake>[0]["post"], maxBytes = 0): MessageIntake =>
  new MessageIntake({ post, trace, maxBytes });

test("a small message reaches the door in one write, after its last byte", async () => {
  const { events, post, written } = recorder();
  const intake = intakeOf(post);
  for (const piece of ["Subject: a\n", "\n", "", "body\n"]) await intake.add(Buffer.from(piece));
  assert.deepEqual(events, []);
  const fate = await intake.finish();
  assert.deepEqual(fate, { kind: "answered", answer: { fate: "done", text: "", queueId: 7 }, bytes: 17 });
  assert.deepEqual(events, ["post", "write 29", "finish"]);
  assert.equal(written[0]?.toString(), "Received: x\nSubject: a\n\nbody\n");
  intake.abort();
  assert.equal(events.at(-1), "finish", "nothing can be taken back any more");
});

test("a large message goes to the door as it comes", async () => {
  const { events, post } = recorder();
  const intake = intakeOf(post);
  for (let i = 0; i < 4; i++) await intake.add(Buffer.alloc(40_000, "x"));
  await intake.finish();
  assert.deepEqual(events, ["post", "write 80012", "write 40000", "write 40000", "finish"]);
});

test("a message that grows too big half-way is taken back, and the rest of it goes nowhere [Q-035]", async () => {
  const { events, post } = recorder();
  const intake = intakeOf(post, 100_000);
  for (let i = 0; i < 4; i++) await intake.add(Buffer.alloc(40_000, "x"));
  assert.deepEqual(events, ["post", "write 80012", "abort"]);
  assert.equal(intake.wastedBytes, 40_000);
  assert.deepEqual(await intake.finish(), { kind: "too-big", bytes: 160_000 });
});

test("a message that is given up is taken back; one that was never posted leaves no trace [Q-038]", async () => {
  const { events, post } = recorder();
  const large = intakeOf(post);
  await large.add(Buffer.alloc(100_000));
  large.abort();
  assert.deepEqual(events, ["post", "write 100012", "abort"]);
  const small = intakeOf(post);
  await small.add(Buffer.from("x"));
  small.abort();
  assert.equal(events.length, 3);
});

test("a door that cannot be knocked at is said so, early or late", async () => {
  const small = intakeOf(() => null);
  await small.add(Buffer.from("x\n"));
  assert.deepEqual(await small.finish(), { kind: "no-door", bytes: 2 });
  const large = intakeOf(() => null);
  for (let i = 0; i < 3; i++) await large.add(Buffer.alloc(70_000));
  assert.deepEqual(await large.finish(), { kind: "no-door", bytes: 210_000 });
});

test("thousands of tiny pieces are kept as few", async () => {
  const { written, post } = recorder();
  const intake = intakeOf(post);
  for (let i = 0; i < 5_000; i++) await intake.add(Buffer.from([97 + (i % 26)]));
  await intake.finish();
  assert.equal(written.length, 1);
  const expected = Array.from({ length: 5_000 }, (_, i) => String.fromCharCode(97 + (i % 26))).join("");
  assert.equal(written[0]?.toString().slice(trace.length), expected);
});

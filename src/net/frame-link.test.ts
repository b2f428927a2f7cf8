import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import fc from "fast-check";
import { connectUnix } from "./connect.ts";
import { type Frame, FrameLink } from "./frame-link.ts";
import { closeServer, listenUnix } from "./unix.ts";

async function ends(t: TestContext): Promise<{ near: Socket; far: Socket }> {
  const folder = mkdtempSync(join(tmpdir(), "quail-link-"));
  let found: (socket: Socket) => void;
  const accepted = new Promise<Socket>((settle) => {
    found = settle;
  });
  const server = await listenUnix(join(folder, "s"), (socket) => found(socket));
  const near = await connectUnix(join(folder, "s"));
  assert.ok("write" in near);
  const far = await accepted;
  t.after(async () => {
    near.destroy();
    far.destroy();
    await closeServer(server);
    rmSync(folder, { recursive: true });
  });
  return { near, far };
}

test("frames arrive in order and whole, however the bytes are cut", async (t) => {
  const { near, far } = await ends(t);
  const got: string[] = [];
  let closed = false;
  new FrameLink(far, {
    frame: ({ kind, id, payload }: Frame) => got.push(`${kind} ${id} ${payload.length}`),
    close: () => {
      closed = true;
    },
  });
  const wanted: string[] = [];
  const bytes: Buffer[] = [];
  for (const [n, length] of [0, 1, 9, 65_536, 100_000, 3].entries()) {
    const head = Buffer.alloc(9);
    head.writeUInt32BE(length, 0);
    head[4] = n;
    head.writeUInt32BE(n * 1000, 5);
    bytes.push(head, Buffer.alloc(length));
    wanted.push(`${n} ${n * 1000} ${length}`);
  }
  const whole = Buffer.concat(bytes);
  for (let at = 0; at < whole.length; at += 4097) near.write(whole.subarray(at, at + 4097));
  near.end();
  while (!closed) await new Promise((next) => setImmediate(next));
  assert.deepEqual(got, wanted);
});

test("what one side sends the other gets, for any frames", async (t) => {
  const { near, far } = await ends(t);
  let wanted = 0;
  let got: Frame[] = [];
  let done: () => void = () => {};
  new FrameLink(far, {
    frame(frame) {
      got.push(frame);
      if (got.length === wanted) done();
    },
    close() {},
  });
  const link = new FrameLink(near, { frame() {}, close() {} });
  const frame = fc.tuple(fc.nat(255), fc.nat(0xffff_ffff), fc.uint8Array({ maxLength: 300 }));
  await fc.assert(
    fc.asyncProperty(fc.array(frame, { minLength: 1, maxLength: 20 }), async (frames) => {
      got = [];
      wanted = frames.length;
      const all = new Promise<void>((settle) => {
        done = settle;
      });
      for (const [kind, id, payload] of frames) link.send(kind, id, payload.subarray(0, 3), payload.subarray(3));
      await all;
      assert.deepEqual(
        got.map(({ kind, id, payload }) => [kind, id, [...payload]]),
        frames.map(([kind, id, payload]) => [kind, id, [...payload]]),
      );
    }),
    { numRuns: 50 },
  );
});

test("a frame longer than the limit ends the link instead of filling memory", async (t) => {
  const { near, far } = await ends(t);
  const reason = new Promise<Error | null>((told) => new FrameLink(far, { frame() {}, close: told }));
  near.write(Buffer.from([0x7f, 0xff, 0xff, 0xff, 1, 0, 0, 0, 1]));
  assert.match((await reason)!.message, /a frame of 2147483647 bytes was announced/);
});

for (const from of ["elsewhere", "its own folder"]) {
  test(`a socket path longer than the kernel's 107 bytes works from ${from}`, async (t) => {
    const base = mkdtempSync(join(tmpdir(), "quail-long-"));
    const before = process.cwd();
    t.after(() => {
      process.chdir(before);
      rmSync(base, { recursive: true });
    });
    const folder = join(base, "a".repeat(60), "b".repeat(60));
    mkdirSync(folder, { recursive: true });
    if (from === "its own folder") process.chdir(folder);
    const server = await listenUnix(join(folder, "socket"), (socket) => socket.end("hello"));
    const socket = await connectUnix(join(folder, "socket"));
    assert.ok("write" in socket);
    let heard = "";
    for await (const chunk of socket) heard += chunk;
    assert.equal(heard, "hello");
    await closeServer(server);
  });
}

test("a socket in a folder that is not there is a failure as a value, also where the path is long", async () => {
  for (const folder of ["/nonexistent-folder", `/nonexistent-folder/${"a".repeat(120)}`]) {
    const failure = await connectUnix(join(folder, "socket"));
    assert.ok("kind" in failure && failure.kind === "unreachable");
  }
});

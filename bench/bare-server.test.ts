import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { answers } from "./tools/load.ts";
import { freePort, waitUntil } from "./tools/processes.ts";

test("the bare server answers pipelined commands, and a message however it is cut up", async () => {
  const port = await freePort();
  const child = spawn(process.execPath, [join(import.meta.dirname, "bare-server.ts"), String(port)], {
    stdio: "inherit",
  });
  try {
    await waitUntil("it answers", () => answers(port), { withinMs: 20_000, everyMs: 50 });
    const socket = connect(port, "127.0.0.1").setNoDelay(true);
    let heard = "";
    socket.on("data", (bytes) => {
      heard += bytes.toString();
    });
    const message = "MAIL FROM:<>\r\nRCPT TO:<you@in.test>\r\nDATA\r\nSubject: x\r\n\r\n.\r\n";
    socket.write(`EHLO x\r\n${message}${message}`);
    const third = `${message}QUIT\r\n`;
    for (let at = 0; at < third.length; at += 3) {
      socket.write(third.slice(at, at + 3));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await once(socket, "close");
    const codes = heard.split("\r\n").map((line) => line.slice(0, 4));
    const one = ["250 ", "250 ", "354 ", "250 "];
    assert.deepEqual(codes, ["220 ", "250-", "250-", "250 ", ...one, ...one, ...one, "221 ", ""]);
  } finally {
    child.kill();
    await once(child, "exit");
  }
});

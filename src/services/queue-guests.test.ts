import assert from "node:assert/strict";
import { Socket } from "node:net";
import { test } from "node:test";
import { guestBook } from "./queue-guests.ts";

test("an account has so many connections at the door and no more, whatever others have; one that closes makes room", async () => {
  const letIn = guestBook(2);
  const sockets = [new Socket(), new Socket(), new Socket()];
  const [first, second, third] = sockets as [Socket, Socket, Socket];
  assert.deepEqual([letIn(1000, first), letIn(1000, second), letIn(1000, third)], [true, true, false]);
  const other = new Socket();
  assert.ok(letIn(1001, other));
  const closed = new Promise((done) => first.once("close", done));
  first.destroy();
  await closed;
  assert.deepEqual([letIn(1000, third), letIn(1000, new Socket())], [true, false]);
  for (const socket of [...sockets, other]) socket.destroy();
});

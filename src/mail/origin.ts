import type { ByteString } from "#bytes";

/** How a message came to the queue's door, as its Received line and `info msg` say it (spec 2.2). */
export type Invoker = "network" | "alias" | "bounce" | "user";

/** Who posts a message: the role, and the real uid behind it. */
export type Origin = { readonly invoker: Invoker; readonly uid: number };

/** The trace line the queue puts on top: `Received: (qmail 17 invoked by uid 1000); 26 Sep 1995 04:46:53 -0000` LF. */
export function receivedByQueue(queueId: number, origin: Origin, date: ByteString): ByteString {
  const how = {
    network: "from network",
    alias: "by alias",
    bounce: "for bounce",
    user: `by uid ${origin.uid}`,
  }[origin.invoker];
  return `Received: (qmail ${queueId} invoked ${how}); ${date}\n`;
}

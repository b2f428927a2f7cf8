import { utf8ToByteString } from "#bytes";
import type { Program } from "#process";
import { fatal, repost, variable } from "./repost.ts";

/** `forward address ...`: queues the message on stdin for these addresses, from NEWSENDER, DTLINE on top (spec 2.15). */
export const main: Program = async (call) => {
  const sender = variable(call, "NEWSENDER");
  const onTop = variable(call, "DTLINE");
  if (sender === undefined) return fatal(call, "forward", "NEWSENDER not set", 100);
  if (onTop === undefined) return fatal(call, "forward", "DTLINE not set", 100);
  const recipients = call.args.map(utf8ToByteString);
  const posted = await repost(call, { name: "forward", sender, recipients, onTop, message: call.stdin });
  if ("code" in posted) return posted.code;
  call.stderr.write(`forward: qp ${posted.queueId}\n`);
  return 0;
};

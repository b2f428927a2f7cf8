import type { Conversation } from "../conversation.ts";
import { idle, type Phase, type Turn } from "../phase.ts";
import * as say from "../say.ts";
import { logTlsFailure } from "../session-log.ts";

const wrong = { reason: "syntax", kind: "command" } as const;

/**
 * STARTTLS (RFC 3207 §4). Octets that came behind it in the clear are dropped unread: they would count as said in private (spec J-173).
 * After the handshake the session is where it was after the greeting, less the greeting.
 */
export async function startTls(talk: Conversation, phase: Phase, argument: string): Promise<Turn> {
  const { tls } = talk.house;
  const refused = { ...wrong, reason: "sequence" };
  if (argument !== "") return { phase, reply: say.noParameters, refusal: wrong };
  if (talk.tls !== null) return { phase, reply: say.tlsAlready, refusal: refused };
  if (tls === null || !tls.isOffered()) {
    return { phase, reply: say.unimplemented, refusal: { ...wrong, reason: "unknown-verb" } };
  }
  const secured = await tls.secure(async () => {
    talk.say(say.tlsReady);
    await talk.wire.flush();
    return talk.wire.release();
  });
  switch (secured.kind) {
    case "unavailable":
      return { phase, reply: say.noTls(secured.reason), refusal: { ...refused, reason: "tls" } };
    case "failed":
      logTlsFailure(talk, secured.reason);
      return { phase: idle, reply: null, end: "tls" };
    case "secure":
      talk.secured(secured.socket, secured.fact);
      return { phase: idle, reply: null };
  }
}

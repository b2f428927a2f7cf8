import { fromBytes } from "#bytes";
import { ended, malformed, nothing, type SaslMechanism } from "./exchange.ts";

/** EXTERNAL (RFC 4422 appendix A): the client's certificate says who it is; the response is empty, or the name it wants to be. */
export const external: SaslMechanism = async function* (initial, oracle) {
  const login = fromBytes(initial ?? (yield nothing));
  if (login.includes("\0")) return malformed;
  const verdict = await oracle.certificate(login);
  return ended(verdict.kind === "yes" ? verdict.who.user : login, verdict);
};

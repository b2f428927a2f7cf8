/** What CAPA says (RFC 2449): only what is true of this connection at this moment. */
export type CapabilityFacts = {
  /** USER and PASS are taken now. */
  readonly user: boolean;
  /** SASL mechanisms that are taken now. */
  readonly sasl: readonly string[];
  /** STLS is possible and not done. */
  readonly stls: boolean;
  /** Before login. */
  readonly beforeLogin: boolean;
};

/** The capability lines, without line ends. EXPIRE NEVER: the server removes no mail by itself. */
export function capabilities({ user, sasl, stls, beforeLogin }: CapabilityFacts): readonly string[] {
  return [
    "TOP",
    "UIDL",
    "RESP-CODES",
    "AUTH-RESP-CODE",
    "PIPELINING",
    "EXPIRE NEVER",
    "UTF8",
    "LANG",
    ...(user && beforeLogin ? ["USER"] : []),
    ...(sasl.length > 0 && beforeLogin ? [`SASL ${sasl.join(" ")}`] : []),
    ...(stls && beforeLogin ? ["STLS"] : []),
    "IMPLEMENTATION Quail",
  ];
}

/** The whole answer to CAPA. */
export function capabilityReply(facts: CapabilityFacts): string {
  return `+OK \r\n${capabilities(facts).join("\r\n")}\r\n.\r\n`;
}

/** LANG (RFC 6856 §3): there is one language, the words of qmail. */
export function languageReply(arg: string): string | null {
  if (arg === "") return "+OK \r\ni-default the words of qmail\r\n.\r\n";
  return arg === "*" || arg.toLowerCase() === "i-default" ? "+OK i-default the words of qmail\r\n" : null;
}

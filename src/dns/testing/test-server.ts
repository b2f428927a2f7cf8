import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { type Answer, decode, encode, type Question } from "dns-packet";

/** How a server may misbehave for one name. */
export type TestFault =
  | "servfail"
  | "refused"
  | "silent"
  | "wrong-id"
  | "wrong-id-then-right"
  | "wrong-question"
  | "garbage"
  | "formerr-on-edns"
  | "referral"
  | "truncated" // over UDP; whole over TCP
  | "truncated-always"
  | "tcp-closes"; // truncated over UDP, closed over TCP

/** What the zone says about one name. */
export type TestName = {
  readonly a?: readonly string[];
  readonly aaaa?: readonly string[];
  readonly mx?: readonly (readonly [preference: number, exchange: string])[];
  readonly txt?: readonly (string | readonly string[])[];
  readonly ptr?: readonly string[];
  readonly srv?: readonly (readonly [target: string, port: number])[];
  /** As a zone file has it: `3 1 1 0123abcd`. */
  readonly tlsa?: readonly string[];
  /** The server follows it within the zone, as a recursive server does. */
  readonly cname?: string;
  /** Gives the alias alone, so that the client must ask on. */
  readonly bareCname?: string;
  readonly fault?: TestFault;
  /** Seconds, 300 unless told. */
  readonly ttl?: number;
};

/** Names in lower case without trailing dot. A name that is not there gives NXDOMAIN. */
export type TestZone = Readonly<Record<string, TestName>>;

export type TestDns = AsyncDisposable & {
  readonly address: "127.0.0.1";
  readonly port: number;
  /** `127.0.0.1:PORT`, as a line of control/dnsservers. */
  readonly server: string;
  /** Every question in order: `udp MX heaven.test`. */
  readonly asked: readonly string[];
  /** Replaces the zone. */
  become(zone: TestZone): void;
  close(): Promise<void>;
};

const servfail = 2;
const formerr = 1;
const nxdomain = 3;
const refused = 5;
const authoritative = 0x0400;
const truncatedFlag = 0x0200;
const udpLimitBytes = 1232;
const defaultTtl = 300;
const maxAliasesFollowed = 40;

type Body = { readonly rcode: number; readonly answers: Answer[]; readonly authorities: Answer[] };

function soa(ttl = 60): Answer {
  const data = { mname: "ns.test", rname: "root.test", serial: 1, refresh: 1, retry: 1, expire: 1, minimum: ttl };
  return { type: "SOA", name: "test", ttl, class: "IN", data };
}

function recordsOf(owner: string, entry: TestName, type: string): Answer[] {
  const base = { name: owner, ttl: entry.ttl ?? defaultTtl, class: "IN" } as const;
  if (type === "A") return (entry.a ?? []).map((data) => ({ ...base, type: "A", data }));
  if (type === "AAAA") return (entry.aaaa ?? []).map((data) => ({ ...base, type: "AAAA", data }));
  if (type === "PTR") return (entry.ptr ?? []).map((data) => ({ ...base, type: "PTR", data }));
  if (type === "TXT") return (entry.txt ?? []).map((text) => ({ ...base, type: "TXT", data: [text].flat() }));
  if (type === "SRV")
    return (entry.srv ?? []).map(([target, port]) => ({
      ...base,
      type: "SRV",
      data: { target, port, priority: 0, weight: 1 },
    }));
  if (type === "TLSA") return (entry.tlsa ?? []).map((text) => ({ ...base, type: "TLSA", data: tlsaOf(text) }));
  if (type !== "MX") return [];
  return (entry.mx ?? []).map(([preference, exchange]) => ({ ...base, type: "MX", data: { preference, exchange } }));
}

function tlsaOf(text: string) {
  const [usage = 0, selector = 0, matchingType = 0] = text.split(" ").slice(0, 3).map(Number);
  return { usage, selector, matchingType, certificate: Buffer.from(text.split(" ")[3] ?? "", "hex") };
}

function lookUp(zone: TestZone, question: Question): Body {
  const answers: Answer[] = [];
  let owner = question.name.toLowerCase();
  for (let followed = 0; followed < maxAliasesFollowed; followed++) {
    const entry = Object.hasOwn(zone, owner) ? zone[owner] : undefined;
    if (entry === undefined) return { rcode: nxdomain, answers, authorities: [soa()] };
    const target = entry.cname ?? entry.bareCname;
    if (target === undefined) {
      const records = recordsOf(owner, entry, question.type);
      return { rcode: 0, answers: [...answers, ...records], authorities: records.length === 0 ? [soa()] : [] };
    }
    answers.push({ type: "CNAME", name: owner, ttl: entry.ttl ?? defaultTtl, class: "IN", data: target });
    if (entry.bareCname !== undefined) return { rcode: 0, answers, authorities: [] };
    owner = target.toLowerCase();
  }
  return { rcode: 0, answers, authorities: [] };
}

/** All packets that go back for one query; none for silence, null for a closed connection. */
function respond(zone: TestZone, bytes: Buffer, over: "udp" | "tcp", question: Question): readonly Buffer[] | null {
  const query = decode(bytes);
  const id = query.id ?? 0;
  const fault = Object.hasOwn(zone, question.name.toLowerCase()) ? zone[question.name.toLowerCase()]?.fault : undefined;
  const packet = (body: Body, change: { id?: number; question?: Question; flags?: number } = {}): Buffer =>
    encode({
      type: "response",
      id: change.id ?? id,
      flags: authoritative | body.rcode | (change.flags ?? 0),
      questions: [change.question ?? question],
      answers: body.answers,
      authorities: body.authorities,
    });
  const empty = (rcode: number): Body => ({ rcode, answers: [], authorities: [] });
  const right = lookUp(zone, question);
  const liar: Body = { rcode: 0, answers: recordsOf(question.name, { a: ["192.0.2.66"] }, "A"), authorities: [] };
  switch (fault) {
    case "servfail":
      return [packet(empty(servfail))];
    case "refused":
      return [packet(empty(refused))];
    case "silent":
      return [];
    case "wrong-id":
      return [packet(liar, { id: (id + 1) & 0xffff })];
    case "wrong-id-then-right":
      return [packet(liar, { id: (id + 1) & 0xffff }), packet(right)];
    case "wrong-question":
      return [packet(liar, { question: { ...question, name: "other.test" } })];
    case "garbage":
      return [Buffer.concat([packet(right).subarray(0, 14), Buffer.alloc(20, 0xff)])];
    case "formerr-on-edns":
      return [(query.additionals ?? []).length > 0 ? packet(empty(formerr)) : packet(right)];
    case "referral": {
      const ns: Answer = { type: "NS", name: "test", ttl: 60, class: "IN", data: "ns.test" };
      return [packet({ rcode: 0, answers: [], authorities: [ns] })];
    }
    case "truncated":
      return [over === "udp" ? packet(empty(0), { flags: truncatedFlag }) : packet(right)];
    case "truncated-always":
      return [packet(empty(0), { flags: truncatedFlag })];
    case "tcp-closes":
      return over === "udp" ? [packet(empty(0), { flags: truncatedFlag })] : null;
    case undefined: {
      const whole = packet(right);
      const fits = over === "tcp" || whole.length <= udpLimitBytes;
      return [fits ? whole : packet(empty(0), { flags: truncatedFlag })];
    }
  }
}

function serveTcp(socket: Socket, answer: (bytes: Buffer) => readonly Buffer[] | null): void {
  let have: Buffer = Buffer.alloc(0);
  socket.on("error", () => {}); // The client under test may leave at any time.
  socket.on("data", (chunk: Buffer) => {
    have = Buffer.concat([have, chunk]);
    if (have.length < 2 || have.length < 2 + have.readUInt16BE(0)) return;
    const packets = answer(have.subarray(2));
    if (packets === null) {
      socket.destroy();
      return;
    }
    for (const packet of packets) {
      const head = Buffer.alloc(2);
      head.writeUInt16BE(packet.length);
      // Split on purpose: a client must not take a segment for a message.
      socket.write(Buffer.concat([head, packet.subarray(0, 5)]));
      setImmediate(() => socket.write(packet.subarray(5)));
    }
    have = Buffer.alloc(0);
  });
}

/** A free port for both protocols: TCP picks it, UDP follows; the rare clash picks again. */
async function bindBoth(): Promise<{ tcp: Server; udp: UdpSocket; port: number }> {
  for (;;) {
    const tcp = createServer();
    await new Promise<void>((done) => tcp.listen(0, "127.0.0.1", done));
    const { port } = tcp.address() as AddressInfo;
    const udp = createSocket("udp4");
    const bound = await new Promise<boolean>((done) => {
      udp.once("error", () => done(false));
      udp.bind(port, "127.0.0.1", () => done(true));
    });
    if (bound) return { tcp, udp, port };
    await new Promise<void>((done) => tcp.close(() => done()));
  }
}

/** Starts the server. The caller closes it (`await using` or `close`). */
export async function startTestDns(firstZone: TestZone): Promise<TestDns> {
  let zone = firstZone;
  const asked: string[] = [];
  const { tcp, udp, port } = await bindBoth();
  const answer = (bytes: Buffer, over: "udp" | "tcp"): readonly Buffer[] | null => {
    const question = decode(bytes).questions?.[0];
    if (question === undefined) return [];
    asked.push(`${over} ${question.type} ${question.name}`);
    return respond(zone, bytes, over, question);
  };
  udp.on("message", (bytes, from) => {
    for (const packet of answer(bytes, "udp") ?? []) udp.send(packet, from.port, from.address);
  });
  const open = new Set<Socket>();
  tcp.on("connection", (socket) => {
    open.add(socket);
    socket.on("close", () => open.delete(socket));
    serveTcp(socket, (bytes) => answer(bytes, "tcp"));
  });
  const close = async (): Promise<void> => {
    for (const socket of open) socket.destroy();
    await Promise.all([
      new Promise<void>((done) => tcp.close(() => done())),
      new Promise<void>((done) => udp.close(done)),
    ]);
  };
  return {
    address: "127.0.0.1",
    port,
    server: `127.0.0.1:${port}`,
    asked,
    become: (next) => {
      zone = next;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/**
 * Which certificate a client gets. `control/certs/NAME.pem` is for clients that ask for NAME (`_.example.org.pem`: for any one label before
 * example.org); all others get `control/certs/ME.pem` (ME: control/me) if there is one, else `control/servercert.pem`. Files are read when
 * first wanted and again when they change; one that cannot be used is told once, and what was read before stays in force.
 */
import { join } from "node:path";
import type { SecureContext } from "node:tls";
import { readSetting } from "#control";
import { type Identity, parseIdentity } from "./identity.ts";
import { loadTlsSettings, secureOptions, type TlsSettings, tlsControlFiles } from "./settings.ts";
import { ticketKeyBytes, ticketKeyFile } from "./ticket-keys.ts";
import { WatchedFile } from "./watched-file.ts";

/** Node's TLS, loaded for the first client that wants it: 2 MB. */
export type NodeTls = typeof import("node:tls");

/** Names remembered at once: enough for a hoster, and a bound on what clients' words make us hold. */
const maxNames = 2_000;
/** A session may be resumed for so long (RFC 8446 §4.6.1 allows seven days). */
const resumableSeconds = 7_200;
/** Names that can stand in a path without leading out of it (RFC 1123 §2.1, and `_`). */
const plainName = /^(?=.{1,253}$)[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/;

/** What was made of one file. */
type Kept = { readonly file: WatchedFile; print: string | null; settingsPrint: string; context: SecureContext | null };

export class Contexts {
  readonly #home: string;
  readonly #alert: (problem: string) => void;
  readonly #settingFiles: readonly WatchedFile[];
  readonly #ticketFile: WatchedFile;
  readonly #meFile: WatchedFile;
  /** The certificates for everybody, the better one first, as control/me of that version has it. */
  #main: { readonly mePrint: string | null; readonly kept: readonly Kept[] } | null = null;
  readonly #byPath = new Map<string, Kept>();
  #settings: { readonly print: string; readonly value: TlsSettings; readonly tickets: Buffer | null } | null = null;

  /** `alert` gets a sentence about a file that cannot be used. */
  constructor(home: string, alert: (problem: string) => void) {
    this.#home = home;
    this.#alert = alert;
    this.#settingFiles = tlsControlFiles.map((name) => new WatchedFile(join(home, "control", name)));
    this.#ticketFile = new WatchedFile(join(home, ticketKeyFile));
    this.#meFile = new WatchedFile(join(home, "control", "me"));
  }

  /** Whether there is a certificate for everybody. Looks at three files at most once a second. */
  get isThere(): boolean {
    const nowMs = performance.now();
    return this.#mains(nowMs).some((kept) => {
      const print = kept.file.print(nowMs);
      // One that could not be used is as good as none until it changes.
      return print !== null && !(print === kept.print && kept.context === null);
    });
  }

  /** The settings in force. Throws ControlError. */
  get settings(): TlsSettings {
    return this.#current().value;
  }

  /** The certificate for who names no host, or one we have none for; null if there is none. */
  main(tls: NodeTls): SecureContext | null {
    for (const kept of this.#mains(performance.now())) {
      const context = this.#of(tls, kept);
      if (context !== null) return context;
    }
    return null;
  }

  /** The certificate for a name a client asked for. */
  forName(tls: NodeTls, name: string): SecureContext | null {
    const lower = name.toLowerCase();
    if (!plainName.test(lower)) return this.main(tls);
    const wild = lower.replace(/^[^.]+/, "_");
    return this.#named(tls, lower) ?? this.#named(tls, wild) ?? this.main(tls);
  }

  /** What `certs/NAME.pem` holds. Of names without a file nothing is remembered: they are what strangers say. */
  #named(tls: NodeTls, name: string): SecureContext | null {
    const path = this.#certPath(name);
    const known = this.#byPath.get(path) ?? fresh(path);
    const context = this.#of(tls, known);
    if (known.print === null) this.#byPath.delete(path);
    else if (!this.#byPath.has(path)) {
      const [oldest] = this.#byPath.keys();
      if (this.#byPath.size >= maxNames && oldest !== undefined) this.#byPath.delete(oldest);
      this.#byPath.set(path, known);
    }
    return context;
  }

  #certPath(name: string): string {
    return join(this.#home, "control", "certs", `${name}.pem`);
  }

  #mains(nowMs: number): readonly Kept[] {
    const mePrint = this.#meFile.print(nowMs);
    if (this.#main?.mePrint === mePrint) return this.#main.kept;
    const me = (readSetting(this.#home, "me") ?? "").toLowerCase();
    const classic = join(this.#home, "control", "servercert.pem");
    const paths = plainName.test(me) ? [this.#certPath(me), classic] : [classic];
    this.#main = { mePrint, kept: paths.map(fresh) };
    return this.#main.kept;
  }

  #of(tls: NodeTls, kept: Kept): SecureContext | null {
    const print = kept.file.print(performance.now());
    const { print: settingsPrint, value, tickets } = this.#current();
    if (print === kept.print && settingsPrint === kept.settingsPrint) return kept.context;
    kept.print = print;
    kept.settingsPrint = settingsPrint;
    if (print === null) kept.context = null;
    else kept.context = this.#make(tls, kept.file, value, tickets) ?? kept.context;
    return kept.context;
  }

  #make(tls: NodeTls, file: WatchedFile, settings: TlsSettings, tickets: Buffer | null): SecureContext | null {
    try {
      const text = file.read();
      return text === null ? null : makeContext(tls, parseIdentity(text.toString("latin1")), settings, tickets);
    } catch (error) {
      this.#alert(`${file.path} ${error instanceof Error ? error.message : error}`);
      return null;
    }
  }

  #current() {
    const nowMs = performance.now();
    const print = [...this.#settingFiles, this.#ticketFile].map((file) => file.print(nowMs)).join("|");
    if (this.#settings?.print === print) return this.#settings;
    this.#settings = { print, value: loadTlsSettings(this.#home), tickets: this.#readTickets() };
    return this.#settings;
  }

  /** The keys all our processes seal tickets with; null: each for itself. */
  #readTickets(): Buffer | null {
    try {
      const octets = this.#ticketFile.read();
      return octets?.length === ticketKeyBytes ? octets : null;
    } catch {
      return null; // Not ours to read: a session is resumed only where it began.
    }
  }
}

const fresh = (path: string): Kept => ({
  file: new WatchedFile(path),
  print: null,
  settingsPrint: "",
  context: null,
});

function makeContext(
  { createSecureContext }: NodeTls,
  { chain, key }: Identity,
  { ciphers, oldest, clientAuthorities }: TlsSettings,
  tickets: Buffer | null,
): SecureContext {
  return createSecureContext({
    cert: chain,
    key,
    ciphers,
    minVersion: oldest,
    honorCipherOrder: true,
    secureOptions: secureOptions(),
    sessionIdContext: "quail",
    sessionTimeout: resumableSeconds,
    // Never the authorities of the system: what they vouch for is no client of ours. (An empty list also spares reading them.)
    ca: clientAuthorities ?? [],
    ...(tickets === null ? {} : { ticketKeys: tickets }),
  });
}

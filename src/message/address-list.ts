import { special, type Token } from "./tokens.ts";

/** Gives back what shall stand in an address's place. `<>` is asked about too, as an empty list of tokens. */
export type RewriteAddress = (address: readonly Token[]) => readonly Token[];

const belongsToPhrase: ReadonlySet<Token["kind"]> = new Set(["comment", "atom", "quote", "at", "dot"]);

/**
 * An address list is easy to read from right to left (as qmail does): what stands left of an address decides nothing about
 * it, and a word that follows a complete address to its left shows a missing comma. Everything here is written backwards and
 * turned round once at the end.
 */
class BackwardReader {
  readonly #tokens: readonly Token[];
  readonly #rewrite: RewriteAddress;
  /** Next token to look at; below 0 when the list is done. */
  #at: number;
  /** Finished output, last token first. */
  readonly #out: Token[] = [];
  /** The address being gathered, last token first. */
  #address: Token[] = [];

  constructor(tokens: readonly Token[], rewrite: RewriteAddress) {
    this.#tokens = tokens;
    this.#rewrite = rewrite;
    this.#at = tokens.length - 1;
  }

  read(): Token[] | null {
    let inGroup = false;
    /** False right of a word or `<...>`: another word here belongs to an address of its own. */
    let wordFits = true;
    for (let token = this.#here(); token !== undefined; token = this.#here()) {
      switch (token.kind) {
        case "comment":
          this.#keep();
          break;
        case "comma":
          this.#finishAddress();
          this.#keep();
          wordFits = true;
          break;
        case "semi":
          this.#finishAddressWithComma();
          if (inGroup) return null;
          inGroup = true;
          this.#keep();
          wordFits = true;
          break;
        case "colon":
          this.#finishAddress();
          if (!inGroup) return null;
          inGroup = false;
          this.#keepGroupName();
          wordFits = true;
          break;
        case "right":
          this.#finishAddressWithComma();
          if (!this.#angleAddress()) return null;
          wordFits = false;
          break;
        case "atom":
        case "quote":
        case "literal":
          if (!wordFits) this.#finishAddressWithComma();
          this.#gather();
          wordFits = false;
          break;
        case "at":
        case "dot":
        case "left":
          this.#gather();
          wordFits = true;
          break;
      }
    }
    this.#finishAddress();
    return this.#out.reverse();
  }

  #here(): Token | undefined {
    return this.#tokens[this.#at];
  }

  #keep(): void {
    const token = this.#tokens[this.#at--];
    if (token !== undefined) this.#out.push(token);
  }

  #gather(): void {
    const token = this.#tokens[this.#at--];
    if (token !== undefined) this.#address.push(token);
  }

  #finishAddress(): void {
    if (this.#address.length > 0) this.#rewriteGathered();
  }

  #finishAddressWithComma(): void {
    if (this.#address.length === 0) return;
    this.#rewriteGathered();
    this.#out.push(special.comma);
  }

  #rewriteGathered(): void {
    const rewritten = this.#rewrite(this.#address.reverse());
    for (let i = rewritten.length - 1; i >= 0; i--) this.#out.push(rewritten[i]!);
    this.#address = [];
  }

  /**
   * `name:` up to the comma before it, and that comma. The end of another group before it shows a missing comma; qmail went on
   * to the next comma there, and the members of that other group got nothing.
   */
  #keepGroupName(): void {
    while (this.#at >= 0 && this.#here()?.kind !== "comma" && this.#here()?.kind !== "semi") this.#keep();
    if (this.#here()?.kind === "semi") this.#out.push(special.comma);
    else this.#keep();
  }

  /** `phrase <address>`, standing at `>`; false if there is no `<`. */
  #angleAddress(): boolean {
    this.#keep();
    while (this.#at >= 0 && this.#here()?.kind !== "left") this.#gather();
    this.#rewriteGathered();
    if (this.#at < 0) return false;
    this.#keep();
    for (let token = this.#here(); token !== undefined && belongsToPhrase.has(token.kind); token = this.#here())
      this.#keep();
    return true;
  }
}

/**
 * Rewrites every address of a list (RFC 822 §6.1) and repairs it on the way: missing commas are put in, comments move behind
 * their address. Groups and phrases stay. Null for a list that cannot be read; `rewrite` has then seen the addresses right of
 * the trouble. `rewrite` is called from the last address to the first. Linear in the number of tokens.
 */
export function rewriteAddressList(list: readonly Token[], rewrite: RewriteAddress): Token[] | null {
  return new BackwardReader(list, rewrite).read();
}

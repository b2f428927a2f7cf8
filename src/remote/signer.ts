import { join } from "node:path";
import { ControlError, liveControls, readLines } from "#control";
import { parseNetworks } from "#net";
import type { SigningSettings, SignOutgoing } from "./sign-outgoing.ts";

/** Whose mail is ours without a login, unless control/dkimnetworks says otherwise: this host's. */
const usualNetworks = ["127.0.0.0/8", "::1"] as const;

/** The signer of a home. Its code is loaded when it is first asked for: who signs nothing never has it in memory. */
export function signerOf(home: string): () => Promise<SignOutgoing> {
  let opened: Promise<SignOutgoing> | null = null;
  const open = async (): Promise<SignOutgoing> => {
    const [{ readSigningKeys, signSocket }, { signOutgoing }] = await Promise.all([
      import("#checks"),
      import("./sign-outgoing.ts"),
    ]);
    const settings = liveControls(
      home,
      ["dkimsign", "dkimnetworks"],
      (): SigningSettings => ({ keys: readSigningKeys(home), networks: readDkimNetworks(home) }),
    );
    return signOutgoing(join(home, signSocket), settings);
  };
  return () => {
    opened ??= open();
    return opened;
  };
}

function readDkimNetworks(home: string): SigningSettings["networks"] {
  const networks = parseNetworks(readLines(home, "dkimnetworks") ?? usualNetworks);
  if ("has" in networks) return networks;
  throw new ControlError("control/dkimnetworks holds what is no address, network or prefix");
}

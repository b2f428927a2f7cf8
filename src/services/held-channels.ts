import { ControlError, readSetting } from "#control";
import type { Channel } from "#queue";

/** How many deliveries of each channel may run: none while control/holdlocal or control/holdremote holds it (spec 11.2). */
export type HeldChannels = {
  /** As `limits` says, or 0. Ask again each time. */
  readonly concurrency: Readonly<Record<Channel, number>>;
  /** Reads both files again (HUP). A file that cannot be read leaves its channel as it was, and is told. */
  reload(): void;
};

const files = { local: "holdlocal", remote: "holdremote" } as const satisfies Record<Channel, string>;

/** Reads the two files. Throws ControlError. */
export function heldChannels(
  home: string,
  limits: Readonly<Record<Channel, number>>,
  log: (line: string) => void,
): HeldChannels {
  const read = (channel: Channel): boolean => readSetting(home, files[channel]);
  const held = { local: read("local"), remote: read("remote") };
  const tell = (channel: Channel): void => {
    log(`warning: ${channel} deliveries ${held[channel] ? `are held by control/${files[channel]}` : "go on"}`);
  };
  for (const channel of ["local", "remote"] as const) if (held[channel]) tell(channel);
  return {
    concurrency: {
      get local() {
        return held.local ? 0 : limits.local;
      },
      get remote() {
        return held.remote ? 0 : limits.remote;
      },
    },
    reload() {
      for (const channel of ["local", "remote"] as const) {
        try {
          const now = read(channel);
          if (now === held[channel]) continue;
          held[channel] = now;
          tell(channel);
        } catch (error) {
          if (!(error instanceof ControlError)) throw error;
          log(`alert: unable to reread control/${files[channel]}`);
        }
      }
    },
  };
}

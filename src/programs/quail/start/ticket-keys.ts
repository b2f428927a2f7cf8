import { dropTicketKeys, makeTicketFolder, renewTicketKeys, ticketKeyLifeMs } from "#tls";
import { step } from "./start-error.ts";
import type { Who } from "./who.ts";

/**
 * Keeps the keys that TLS session tickets are sealed with: new ones at the start and twice a day, for all processes of the house alike. Who
 * speaks TLS may read them and not write them. The returned function ends it, and takes the keys away.
 */
export async function keepTicketKeys(
  home: string,
  who: Who,
  complain: (sentence: string) => void,
): Promise<() => void> {
  const readers = who.kind === "roles" ? who.roles.smtpd.gid : null;
  await step(`write to ${home}/run/tls`, async () => {
    makeTicketFolder(home, readers);
    await renewTicketKeys(home, readers);
  });
  const renew = (): void => {
    renewTicketKeys(home, readers).catch((error: Error) =>
      complain(`TLS ticket keys stay as they are: ${error.message}`),
    );
  };
  const timer = setInterval(renew, ticketKeyLifeMs).unref();
  return () => {
    clearInterval(timer);
    dropTicketKeys(home);
  };
}

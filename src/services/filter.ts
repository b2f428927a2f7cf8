/**
 * The filter (DESIGN: as QMAILQUEUE stands before qmail-queue): what SMTP servers take in comes to `run/filter`, is proved (SPF, DKIM,
 * DMARC, ARC by control/senderchecks), gets Authentication-Results on top, and goes on to `queue/door`; what the queue answers goes
 * back unchanged. Only started when a check is on. Reads control files, asks DNS; writes nameless files in its own folder.
 *
 * Options: `socket=PATH` where in the home the door is made, `folder=PATH` for files (default `run/own/filter`); `client-uid=UID` who may
 * post beside root and ourselves. Log lines:
 *
 *     filter checked ip=192.0.2.1 from=a@b.example spf=pass dkim=pass dmarc=pass author=b.example arc=none verdict=accept ms=12
 *         one message; dkim has a word for each signature; verdict is accept, quarantine or reject, with its reason
 *     alert: filter: ...      an admin is wanted
 */
import type { Socket } from "node:net";
import { join } from "node:path";
import { checkControlFiles, loadCheckSettings } from "#checks";
import { liveControls } from "#control";
import { liveServers, makeResolver } from "#dns";
import { peerUid } from "#files";
import { eventLine } from "#log";
import { closeServer, listenUnix } from "#net";
import { type DoorHouse, openDoor, serveDoor } from "#qmtp";
import { type FilterHouse, filterMessage } from "./filter-message.ts";
import { makeSpills } from "./filter-spill.ts";
import type { Service } from "./service.ts";

/** Disk that messages under way may take, all together. */
const maxDiskBytes = 4 * 1024 * 1024 * 1024;

export const serve: Service = async ({ home, options, log }) => {
  const folder = join(home, options.get("folder") ?? join("run", "own", "filter"));
  const door = openDoor(home);
  const house: FilterHouse = {
    door,
    dns: makeResolver({ servers: liveServers(home) }),
    settings: liveControls(home, checkControlFiles, () => loadCheckSettings(home)),
    spill: makeSpills(folder, maxDiskBytes),
    log,
    now: Date.now,
  };
  house.settings(); // A control file that cannot be read is told at the start.
  const doorHouse: DoorHouse = {
    begin: (envelope) => filterMessage(envelope, house),
    trouble: (error) => log(eventLine("alert: filter: unable to pass a message on", { reason: String(error) })),
    holdIn: folder,
  };
  const ownUid = process.getuid?.() ?? 0;
  const clientUid = Number(options.get("client-uid") ?? ownUid);
  const clients = new Set<Socket>();
  const letIn = (socket: Socket): void => {
    // Whoever posts here is believed about its client: only our own servers may.
    const uid = peerUid(socket);
    if (uid !== null && uid !== 0 && uid !== ownUid && uid !== clientUid) return void socket.destroy();
    clients.add(socket);
    socket.once("close", () => clients.delete(socket));
    serveDoor(socket, doorHouse);
  };
  const server = await listenUnix(join(home, options.get("socket") ?? join("run", "filter")), letIn, 0o666);
  return {
    async close() {
      void closeServer(server);
      for (const socket of clients) socket.end();
      await door.close();
    },
  };
};

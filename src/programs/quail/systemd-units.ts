/** The units for systemd that `quail setup systemd` prints or writes: their texts. */
import { multiCallPath } from "#process";
import type { StartOptions } from "./start/options.ts";
import { endpoint } from "./start/plan.ts";

/** A word of a unit's command line: `%` and `$` mean something there, a blank ends it (systemd.service(5)). */
function unitWord(word: string): string {
  const safe = word.replaceAll("%", "%%").replaceAll("$", "$$$$");
  return /[\s"'\\]/.test(safe) ? `"${safe.replace(/["\\]/g, "\\$&")}"` : safe;
}

const serviceUnit = (home: string, sockets: readonly string[]): string => `[Unit]
Description=Quail, a mail system (${home.replaceAll("%", "%%")})
Wants=network-online.target
After=network-online.target${sockets.map((name) => ` ${name}`).join("")}${sockets.length === 0 ? "" : `\nRequires=${sockets.join(" ")}`}

[Service]
# Ready when every service is; its words come from control/startoptions of the home.
Type=notify
NotifyAccess=all
ExecStart=${unitWord(multiCallPath)} start --home ${unitWord(home)}
ExecReload=/bin/kill -HUP $MAINPID
WatchdogSec=120
TimeoutStartSec=180
# TERM to the supervisor, which ends the others in order; KILL to what is left.
KillMode=mixed
TimeoutStopSec=90
Restart=on-failure
RestartSec=5
OOMPolicy=continue
LimitNOFILE=65536

[Install]
WantedBy=multi-user.target
`;

const socketUnit = (name: string, where: string): string => `[Unit]
Description=Quail, port ${name}

[Socket]
ListenStream=${where}
FileDescriptorName=${name}
Service=quail.service
Backlog=4096

[Install]
WantedBy=sockets.target
`;

/** Names and texts of the units for a home: the service, and with `withSockets` one for each of its ports but the metrics'. */
export function systemdUnits(home: string, options: StartOptions, withSockets: boolean): ReadonlyMap<string, string> {
  const ports = Object.entries(options.ports).flatMap(([name, port]): [string, string][] =>
    !withSockets || port === null || name === "metrics" ? [] : [[name, endpoint(options.host, port)]],
  );
  const sockets = ports.map(([name]) => `quail-${name}.socket`);
  return new Map([
    ["quail.service", serviceUnit(home, sockets)],
    ...ports.map(([name, where]): [string, string] => [`quail-${name}.socket`, socketUnit(name, where)]),
  ]);
}

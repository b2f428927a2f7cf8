import type { RunningService, Service } from "./service.ts";

const roles = ["smtp", "submission"] as const;

/** The options of one role: what begins with `ROLE:`, without that, behind what all share. */
function optionsOf(role: string, options: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const shared = [...options].filter(([key]) => !key.includes(":"));
  const own = [...options].flatMap(([key, value]): [string, string][] =>
    key.startsWith(`${role}:`) ? [[key.slice(role.length + 1), value]] : [],
  );
  return new Map([...shared, ...own, ["role", role]]);
}

/**
 * Serves both roles in one process, each with listeners, limits and clients of its own: `smtp:listen=IP:PORT
 * submission:listen=IP:PORT`. They have the same uid and rights, so a second process would part nothing and cost 15 MB. Without
 * such options the one role is served that `role=` names.
 */
export function serveRoles(serveRole: Service): Service {
  return async (start) => {
    const wanted = roles.filter((role) => [...start.options.keys()].some((key) => key.startsWith(`${role}:`)));
    if (wanted.length === 0) return serveRole(start);
    const running: RunningService[] = [];
    const closeAll = async (): Promise<void> => void (await Promise.all(running.map((service) => service.close())));
    try {
      for (const role of wanted) running.push(await serveRole({ ...start, options: optionsOf(role, start.options) }));
    } catch (error) {
      await closeAll();
      throw error;
    }
    return {
      close: closeAll,
      reload: () => {
        for (const service of running) service.reload?.();
      },
    };
  };
}

import { readFileSync } from "node:fs";
import { reapChild } from "#files";

/** How long a dead child waits until we take it for nobody's: Node notes the end of its own at once. */
const nobodysMs = 1_000;

/** Children of this process that have ended and that nobody has asked about; none where the kernel does not list them. */
function zombies(): readonly number[] {
  try {
    const children = readFileSync(`/proc/self/task/${process.pid}/children`, "latin1").trim();
    return children === "" ? [] : children.split(" ").map(Number).filter(isZombie);
  } catch {
    return [];
  }
}

function isZombie(pid: number): boolean {
  try {
    // Behind the name in brackets, which may hold anything (proc(5)).
    return readFileSync(`/proc/${pid}/stat`, "latin1")
      .replace(/^.*\) /s, "")
      .startsWith("Z ");
  } catch {
    return false; // Somebody asked about it just now.
  }
}

/**
 * As process 1 (of a container) we inherit whoever lost their parent. Node does not ask how they ended, so that they would stay as
 * zombies for good: this does. Costs nothing elsewhere, and no memory before the first one. Returns what ends it.
 */
export function reapOrphans(): () => void {
  let timer: NodeJS.Timeout | null = null;
  let suspects: readonly number[] = [];
  const look = (): void => {
    timer = null;
    const dead = zombies();
    for (const pid of dead) if (suspects.includes(pid)) reapChild(pid);
    suspects = dead.filter((pid) => !suspects.includes(pid));
    if (suspects.length > 0) timer = setTimeout(look, nobodysMs);
  };
  const onChild = (): void => {
    timer ??= setTimeout(look, nobodysMs).unref();
  };
  process.on("SIGCHLD", onChild);
  return () => {
    process.off("SIGCHLD", onChild);
    if (timer !== null) clearTimeout(timer);
  };
}

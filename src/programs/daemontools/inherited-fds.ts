/** The first descriptor of sockets that systemd opened (sd_listen_fds(3)). */
const firstListenFd = 3;
/** More sockets than this nobody hands over. */
const maxListenFds = 256;

/** Our descriptors that services shall have under the same numbers: 0, 1, 2 and, with LISTEN_FDS, the sockets behind them. */
export function inheritedFds(env: NodeJS.ProcessEnv): readonly number[] {
  const count = /^[0-9]{1,3}$/.test(env.LISTEN_FDS ?? "") ? Math.min(Number(env.LISTEN_FDS), maxListenFds) : 0;
  return Array.from({ length: firstListenFd + count }, (_, fd) => fd);
}

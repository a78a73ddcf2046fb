/** Loaded into each child by the supervisor: when the supervisor is killed, its children stop too instead of holding their ports. */
if (process.channel) {
  process.channel.unref()
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'))
}

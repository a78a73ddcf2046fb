import type { PrismaClient } from '../generated/prisma/client.ts'

/** Which login states were used, until they expire by themselves. */
export type LoginStateStore = {
  /** @returns false when it was taken before */
  take(id: string, expiresAt: Date): Promise<boolean>
}

export const createLoginStateStore = (prisma: PrismaClient, now: () => Date): LoginStateStore => ({
  take: async (id, expiresAt) => {
    const [, { count }] = await prisma.$transaction([
      prisma.usedLoginState.deleteMany({ where: { expiresAt: { lt: now() } } }),
      prisma.usedLoginState.createMany({ data: { id, expiresAt }, skipDuplicates: true }),
    ])
    return count === 1
  },
})

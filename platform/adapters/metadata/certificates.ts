import type { Kysely, Transaction } from 'kysely'
import type { Certificate, GatewayStore } from '../../ports/metadata.ts'
import { MillraceError } from '../../runtime/errors.ts'
import type { Guard } from './guard.ts'
import type { CertificateTable, Tables } from './tables.ts'

export type CertificateQueries = Pick<GatewayStore, 'certificateOwner' | 'revokedCertificates'>

export function createCertificateQueries(db: Kysely<Tables>, guard: Guard): CertificateQueries {
  return {
    certificateOwner: (fingerprint) =>
      guard(async () => {
        const row = await db.selectFrom('certificate').selectAll().where('fingerprint', '=', fingerprint).executeTakeFirst()
        return row && { tenant: row.tenant, gateway: row.gateway, certificate: toCertificate(row) }
      }),

    revokedCertificates: (fromMs, toMs) =>
      guard(async () => {
        const rows = await db
          .selectFrom('certificate')
          .select('fingerprint')
          .where('revoked_ms', '>=', fromMs)
          .where('revoked_ms', '<', toMs)
          .orderBy('revoked_ms')
          .orderBy('fingerprint')
          .execute()
        return rows.map(({ fingerprint }) => fingerprint)
      }),
  }
}

export interface NewCertificate {
  readonly tenant: string
  readonly gateway: string
  readonly number: number
  readonly certificate: Certificate
}

/** @throws {MillraceError} `data.invalid` when the fingerprint is known: a certificate belongs to one enrolment. */
export async function insertCertificate(
  transaction: Transaction<Tables>,
  { tenant, gateway, number, certificate }: NewCertificate,
): Promise<void> {
  const { numInsertedOrUpdatedRows } = await transaction
    .insertInto('certificate')
    .values({
      fingerprint: certificate.fingerprint,
      tenant,
      gateway,
      number,
      serial: certificate.serial,
      not_before_ms: certificate.notBeforeMs,
      not_after_ms: certificate.notAfterMs,
      revoked_ms: certificate.revokedMs ?? null,
    })
    .onConflict((conflict) => conflict.column('fingerprint').doNothing())
    .executeTakeFirstOrThrow()
  if (numInsertedOrUpdatedRows !== 0n) return
  throw new MillraceError('data.invalid', 'This certificate has been enrolled before. Issue a new one for the gateway.', {
    details: { fingerprint: certificate.fingerprint },
  })
}

/** Ends all certificates of a gateway at `revokedMs`, except those that end earlier. */
export async function revokeCertificates(
  transaction: Transaction<Tables>,
  { tenant, gateway, revokedMs }: { tenant: string; gateway: string; revokedMs: number },
): Promise<void> {
  await transaction
    .updateTable('certificate')
    .set({ revoked_ms: revokedMs })
    .where('tenant', '=', tenant)
    .where('gateway', '=', gateway)
    .where((where) => where.or([where('revoked_ms', 'is', null), where('revoked_ms', '>', revokedMs)]))
    .execute()
}

export function toCertificate(row: CertificateTable): Certificate {
  return {
    fingerprint: row.fingerprint,
    serial: row.serial,
    notBeforeMs: row.not_before_ms,
    notAfterMs: row.not_after_ms,
    ...(row.revoked_ms === null ? {} : { revokedMs: row.revoked_ms }),
  }
}

import type { NewRecord } from '../../platform/ports/event-log.ts'
import { MESSAGE_BYTES_MAX } from '../../schemas/message.ts'
import type { Reason } from '../../schemas/rejection.ts'
import { type GatewayName, logKey, nobodysKey } from '../../schemas/topics.ts'
import { rejection } from '../receive.ts'
import type { AdmissionRefusal } from './admission.ts'
import type { Delivery } from './client.ts'

export type BridgeRefusal = Extract<Reason, 'topic.invalid' | 'payload.too-large'> | AdmissionRefusal

/** What is kept of a message larger than we take. The listener would close the connection; here the broker would send it again for ever. */
const HEAD_BYTES = 65_536
/** A topic may have 65,535 bytes. */
const TOPIC_CHARACTERS_MAX = 255

/** The record of a message that is refused as a whole. One that is no known tenant's is kept where no tenant finds it, now or later. */
export function refusalRecord(
  { topic, payload }: Pick<Delivery, 'topic' | 'payload'>,
  { reason, from, receivedMs }: { reason: BridgeRefusal; from: GatewayName | undefined; receivedMs: number },
): NewRecord {
  const shortTopic = topic.slice(0, TOPIC_CHARACTERS_MAX)
  const isCut = payload.length > MESSAGE_BYTES_MAX
  const size = isCut ? `${payload.length} bytes, of which the first ${HEAD_BYTES} are kept` : `${payload.length} bytes`
  const isOwned = from !== undefined && reason !== 'tenant.unknown'
  return rejection(
    { key: isOwned ? logKey(from) : nobodysKey(shortTopic), topic: shortTopic },
    isCut ? payload.slice(0, HEAD_BYTES) : payload,
    receivedMs,
    [{ reason, pointer: '', detail: `${shortTopic}: ${size}` }],
  )
}

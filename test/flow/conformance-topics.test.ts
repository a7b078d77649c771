import t from 'tap'
import { type ByteCase, runByteCases, type Step } from './listener/byte-cases.ts'
import { enters, hears } from './listener/conversations.ts'
import { PINGREQ, PINGRESP, publish } from './listener/mqtt-bytes.ts'

// Goal: topics and filters match as MQTT 3.1.1, chapter 4.7, says.
// Method: a table of byte-level conversations over a plain loopback socket with a policy that allows everything.
const sends = (...packets: readonly Uint8Array[]): Step => ['p', 'sends', ...packets]

/** A subscription to the first, a message to the second: is it heard? */
const matches: readonly (readonly [clause: string, filter: string, topic: string, isHeard: boolean])[] = [
  ['4.7.1.2', 'sport/tennis/#', 'sport/tennis', true],
  ['4.7.1.2', 'sport/tennis/#', 'sport/tennis/player1/ranking', true],
  ['4.7.1.2', 'sport/tennis/#', 'sport/tennisball', false],
  ['4.7.1.2', '#', 'sport/tennis', true],
  ['MQTT-4.7.1-3', 'sport/+', 'sport/tennis', true],
  ['MQTT-4.7.1-3', 'sport/+', 'sport', false],
  ['MQTT-4.7.1-3', 'sport/+', 'sport/', true],
  ['MQTT-4.7.1-3', 'sport/+', 'sport/tennis/player1', false],
  ['MQTT-4.7.1-3', '+/+', '/finance', true],
  ['MQTT-4.7.1-3', '/+', '/finance', true],
  ['MQTT-4.7.1-3', '+', '/finance', false],
  ['MQTT-4.7.1-3', 'a/+/c', 'a//c', true],
  ['MQTT-4.7.2-1', '#', '$own/x', false],
  ['MQTT-4.7.2-1', '+/x', '$own/x', false],
  ['MQTT-4.7.2-1', '$own/#', '$own/x', true],
  ['MQTT-4.7.2-1', '$own/+', '$own/x', true],
  ['4.7.3', 'Accounts', 'ACCOUNTS', false],
  ['4.7.3', 'Accounts payable', 'Accounts payable', true],
  ['4.7.3', 'a', 'a/', false],
  ['4.7.3', 'Zähler/水/🙂', 'Zähler/水/🙂', true],
  ['MQTT-1.5.3-3', '\ufeffa', '\ufeffa', true],
  ['MQTT-1.5.3-3', 'a', '\ufeffa', false],
  ['4.7.3', 'x'.repeat(16_000), 'x'.repeat(16_000), true],
]

const matching: readonly ByteCase[] = matches.map(([clause, filter, topic, isHeard]) => ({
  clause,
  name: `${filter.slice(0, 20)} ${isHeard ? 'hears' : 'does not hear'} ${topic.slice(0, 28)}`,
  steps: [
    ...hears('s', [filter, 0]),
    ...enters('p'),
    sends(publish({ topic, payload: 'hello' }), PINGREQ),
    ['p', 'gets', PINGRESP],
    isHeard ? ['s', 'gets', publish({ topic, payload: 'hello' })] : ['s', 'hears nothing'],
  ],
}))

runByteCases(t, matching)

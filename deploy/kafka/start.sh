#!/bin/sh
# Starts the broker of docker-compose.yml: formats its folder once, with the user `millrace`, and hands over to Kafka's own script.
set -eu
kafka=${KAFKA_HOME:-/opt/kafka}
settings=${KAFKA_SETTINGS:-/etc/millrace/server.properties}
run=${KAFKA_RUN_DIR:-/run/kafka}
password=$(cat "${KAFKA_PASSWORD_FILE:-/run/secrets/kafka-password}")
login="org.apache.kafka.common.security.scram.ScramLoginModule required username=\"millrace\" password=\"$password\";"
umask 077

cat "$settings" - >"$run/server.properties" <<END
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=$login
END
# What the health check, and you, speak to the broker with.
cat >"$run/client.properties" <<END
security.protocol=SASL_SSL
sasl.mechanism=SCRAM-SHA-512
sasl.jaas.config=$login
$(grep '^ssl.truststore' "$settings")
END
"$kafka/bin/kafka-storage.sh" format --ignore-formatted --cluster-id TWlsbHJhY2UtY29tcG9zZQ --config "$run/server.properties" \
  --add-scram "SCRAM-SHA-512=[name=millrace,password=$password]"
exec "$kafka/bin/kafka-server-start.sh" "$run/server.properties"

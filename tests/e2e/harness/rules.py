"""Services of the example that several tests change, and a rule that shows at the proxies by one number."""

OCATA = "outbound|9006||multicloud-ocata.onap.svc.cluster.local"
VIO = "outbound|9004||multicloud-vio.onap.svc.cluster.local"


def timeout_rule(name, seconds, rule=None):
    """A DestinationRule of multicloud-<name>, called `rule` or the same: its clusters get this connect_timeout."""
    return f"""
apiVersion: networking.istio.io/v1alpha3
kind: DestinationRule
metadata: {{name: {rule or name}, namespace: onap}}
spec:
  host: multicloud-{name}
  trafficPolicy:
    connectionPool:
      tcp: {{connectTimeout: {seconds}s}}
"""

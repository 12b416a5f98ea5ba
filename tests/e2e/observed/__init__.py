"""A mesh with traffic that Prometheus has scraped, and those who read it: Grafana's boards, Kiali's graph."""

"""Alerts: tells people what needs them. No part of the desk calls it, or waits for it."""

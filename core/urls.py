"""The addresses of the box office (DESIGN 3.2)."""

from django.urls import path

from .views import attendee, fairness, gate, gate_report, operator, organizer, ticket

urlpatterns = [
    path("", attendee.index, name="index"),
    path("events/<int:event_id>/", attendee.event_detail, name="event_detail"),
    path("events/<int:event_id>/attendees/", organizer.attendees, name="attendees"),
    path("events/<int:event_id>/attendees.csv", organizer.attendees_csv, name="attendees_csv"),
    path("events/<int:event_id>/gate/", gate_report.gate_report, name="gate_report"),
    path("events/<int:event_id>/gate/staff/", gate_report.gate_staff_add, name="gate_staff_add"),
    path(
        "events/<int:event_id>/gate/staff/<int:user_id>/remove/",
        gate_report.gate_staff_remove,
        name="gate_staff_remove",
    ),
    path("events/<int:event_id>/fairness/", fairness.fairness, name="fairness"),
    path("events/<int:event_id>/fairness/ledger.txt", fairness.ledger_file, name="ledger_file"),
    path("fairness/verify_ledger.py", fairness.ledger_verifier, name="ledger_verifier"),
    path("dashboard/", attendee.dashboard, name="dashboard"),
    path("calendar/", attendee.calendar, name="calendar"),
    path("book/<int:event_id>/", attendee.book, name="book"),
    path("join/<int:event_id>/", attendee.join, name="join"),
    path("release-hold/<int:event_id>/", attendee.release_hold, name="release_hold"),
    path("ticket/<str:code>/", ticket.ticket_detail, name="ticket_detail"),
    path("ticket/<str:code>/qr.png", ticket.ticket_qr, name="ticket_qr"),
    path("ticket/<str:code>/qr.svg", ticket.ticket_qr_svg, name="ticket_qr_svg"),
    path("ticket/<str:code>/download/", ticket.ticket_pdf, name="ticket_pdf"),
    path("ticket/<str:code>/calendar.ics", ticket.ticket_calendar, name="ticket_calendar"),
    path("ticket/<str:code>/cancel/", ticket.ticket_cancel, name="ticket_cancel"),
    path("checkin/", gate.checkin_page, name="checkin"),
    path("checkin/scan/", gate.checkin_scan, name="checkin_scan"),
    path("checkin/undo/", gate.checkin_undo, name="checkin_undo"),
    path("checkin/people/", gate.checkin_people, name="checkin_people"),
    path("checkin/list/", gate.checkin_list, name="checkin_list"),
    path("checkin/sync/", gate.checkin_sync, name="checkin_sync"),
    path("checkin/worker.js", gate.gate_worker, name="gate_worker"),
    path("api/ticket-stats/<int:event_id>/", attendee.ticket_stats, name="ticket_stats"),
    path("api/my-place/<int:event_id>/", attendee.my_place, name="my_place"),
    path("websocket-test/", operator.websocket_test, name="websocket_test"),
    path("healthz", operator.healthz, name="healthz"),
    path("readyz", operator.readyz, name="readyz"),
]

"""The addresses of the box office (DESIGN 3.2)."""

from django.urls import path

from .views import attendee, fairness, gate, operator, organizer, ticket, transfer

urlpatterns = [
    path("", attendee.index, name="index"),
    path("events/<int:event_id>/", attendee.event_detail, name="event_detail"),
    path("events/<int:event_id>/attendees/", organizer.attendees, name="attendees"),
    path("events/<int:event_id>/attendees.csv", organizer.attendees_csv, name="attendees_csv"),
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
    path("ticket/<str:code>/transfer/", transfer.ticket_transfer, name="ticket_transfer"),
    path("ticket/<str:code>/transfer/withdraw/", transfer.ticket_withdraw, name="ticket_withdraw"),
    path("ticket/<str:code>/reissue/", transfer.ticket_reissue, name="ticket_reissue"),
    path("transfers/<str:token>/", transfer.transfer_detail, name="transfer_detail"),
    path("transfers/<str:token>/accept/", transfer.transfer_accept, name="transfer_accept"),
    path("transfers/<str:token>/decline/", transfer.transfer_decline, name="transfer_decline"),
    path("checkin/", gate.checkin_page, name="checkin"),
    path("checkin/scan/", gate.checkin_scan, name="checkin_scan"),
    path("api/ticket-stats/<int:event_id>/", attendee.ticket_stats, name="ticket_stats"),
    path("api/my-place/<int:event_id>/", attendee.my_place, name="my_place"),
    path("websocket-test/", operator.websocket_test, name="websocket_test"),
    path("healthz", operator.healthz, name="healthz"),
    path("readyz", operator.readyz, name="readyz"),
]

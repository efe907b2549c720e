import type { VNode } from "preact";
import { access } from "./api/access.ts";
import { checkAccess } from "./api/session.ts";
import { useResource } from "./api/use-resource.ts";
import { Header } from "./components/header.tsx";
import { Failure, Loading } from "./components/loaded.tsx";
import { Page } from "./components/page.tsx";
import { route } from "./routing/location.ts";
import { LiveView } from "./views/live/live-view.tsx";
import { NowhereView } from "./views/nowhere-view.tsx";
import { OverviewView } from "./views/overview/overview-view.tsx";
import { RoomView } from "./views/room/room-view.tsx";
import { RoomsView } from "./views/rooms/rooms-view.tsx";
import { ServersView } from "./views/servers/servers-view.tsx";
import { ForbiddenView } from "./views/session/forbidden-view.tsx";
import { SignInView } from "./views/session/sign-in-view.tsx";

/** The whole dashboard. */
export function App(): VNode {
  return (
    <>
      <Header />
      <main id="main" tabIndex={-1}>
        <Gate />
      </main>
    </>
  );
}

/** Shows the current route's view if the server admits this browser. */
function Gate(): VNode {
  const checked = useResource(checkAccess, []);
  switch (access.value.state) {
    case "open":
      return <View />;
    case "signed-out":
      return <SignInView />;
    case "forbidden":
      return <ForbiddenView reason={access.value.reason} />;
    case "unknown":
      if (checked.error === undefined) return <Loading />;
      return (
        <Page title="Dashboard">
          <Failure error={checked.error} retry={checked.reload} />
        </Page>
      );
  }
}

function View(): VNode {
  const shown = route.value;
  switch (shown.view) {
    case "overview":
      return <OverviewView range={shown.range} />;
    case "live":
      return <LiveView filter={shown.filter} />;
    case "rooms":
      return <RoomsView route={shown} />;
    case "live-room":
    case "room":
      return <RoomView key={shown.room} room={shown.room} live={shown.view === "live-room"} />;
    case "servers":
      return <ServersView />;
    case "nowhere":
      return <NowhereView />;
  }
}
